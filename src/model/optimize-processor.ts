import { readFile } from "node:fs/promises";

/**
 * Whether this processor adds products of 8 bits in 32 (VNNI), not in 16, where large ones are cut off.
 * What is not known counts as no.
 */
export async function hasExactProducts(cpuInfoFile = "/proc/cpuinfo"): Promise<boolean> {
  try {
    return /^flags\s*:.*\b(?:avx512_vnni|avx_vnni)\b/mu.test(await readFile(cpuInfoFile, "utf8"));
  } catch {
    return false;
  }
}
