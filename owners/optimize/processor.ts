import { readFile } from "node:fs/promises";

/**
 * Whether this processor adds 8-bit products in 32 bits (VNNI) and not in 16 bits, which saturate.
 *
 * @returns false if the file cannot be read
 */
export async function hasExactProducts(cpuInfoFile = "/proc/cpuinfo"): Promise<boolean> {
  try {
    return /^flags\s*:.*\b(?:avx512_vnni|avx_vnni)\b/mu.test(await readFile(cpuInfoFile, "utf8"));
  } catch {
    return false;
  }
}
