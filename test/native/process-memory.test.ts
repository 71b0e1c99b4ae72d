import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { hugePageAdviser, keepHeap, tidyMemory } from "../../src/native/process-memory.js";

/** Flags of the mapping that holds an address (`VmFlags` of /proc/self/smaps): `hg` is huge pages advised. */
async function flagsAt(address: bigint): Promise<string[]> {
  let isWithin = false;
  for (const line of (await readFile("/proc/self/smaps", "utf8")).split("\n")) {
    const range = /^([0-9a-f]+)-([0-9a-f]+) /u.exec(line);
    if (range !== null) {
      const [, start = "0", end = "0"] = range;
      isWithin = BigInt(`0x${start}`) <= address && address < BigInt(`0x${end}`);
    } else if (isWithin && line.startsWith("VmFlags:")) return line.split(/\s+/u).slice(1);
  }
  return [];
}

const heapsScript = fileURLToPath(new URL("../helpers/heaps-child.mjs", import.meta.url));

/** How many heaps malloc has in a process that has decoded pictures in several threads. */
function heapsOfProcess(...options: string[]): number {
  return Number(execFileSync(process.execPath, [heapsScript, ...options], { encoding: "utf8" }));
}

describe("the process' memory", () => {
  test("shares few heaps between its threads", () => {
    const heaps = heapsOfProcess("shared");
    expect(heaps).toBeLessThan(heapsOfProcess() / 2);
  });

  test("gets huge pages advised where a large buffer is to be filled", async () => {
    const { default: koffi } = await import("koffi");
    const advise = await hugePageAdviser();
    const bytes = Buffer.allocUnsafeSlow(16_000_000);
    const middle = koffi.address(bytes) + 8_000_000n;
    expect(await flagsAt(middle)).not.toContain("hg");
    advise(bytes);
    expect(await flagsAt(middle)).toContain("hg");
  });

  test("is left alone under a small one, which shares its pages with others", async () => {
    const advise = await hugePageAdviser();
    for (const length of [0, 1, 4096, 2_000_000]) advise(Buffer.alloc(length, 7));
    const bytes = Buffer.alloc(1_000_000, 7);
    advise(bytes);
    expect(bytes.every((byte) => byte === 7)).toBe(true);
  });

  test("is given back when a boot is over: what is garbage, and what the C library has left", async () => {
    const { default: koffi } = await import("koffi");
    const libc = koffi.load(null);
    const malloc = libc.func("uint64_t malloc(size_t size)");
    const memset = libc.func("uint64_t memset(uint64_t at, int byte, size_t size)");
    const free = libc.func("void free(uint64_t at)");
    // Blocks of the heap, and one behind them that keeps it from shrinking by itself.
    const blocks = Array.from({ length: 600 }, (): unknown => malloc(100_000));
    for (const block of blocks) memset(block, 1, 100_000);
    const last: unknown = malloc(120_000);
    for (const block of blocks) free(block);
    const garbage = new WeakRef({});
    await new Promise((resolve) => setImmediate(resolve));
    const before = process.memoryUsage.rss();
    await tidyMemory();
    expect(before - process.memoryUsage.rss()).toBeGreaterThan(40_000_000);
    expect(garbage.deref()).toBeUndefined();
    free(last);
  });

  test("stays on the heap from one picture to the next", async () => {
    const { default: koffi } = await import("koffi");
    const libc = koffi.load(null);
    const malloc = libc.func("uint64_t malloc(size_t size)");
    const memset = libc.func("uint64_t memset(uint64_t at, int byte, size_t size)");
    const free = libc.func("void free(uint64_t at)");
    const size = 12_000_000;
    const faultsOfUse = (): number => {
      const before = process.resourceUsage().minorPageFault;
      const at: unknown = malloc(size);
      memset(at, 1, size);
      free(at);
      return process.resourceUsage().minorPageFault - before;
    };
    await keepHeap();
    faultsOfUse();
    // A block that comes anew from the kernel is a fault for each of its pages of 4,096 bytes.
    expect(faultsOfUse()).toBeLessThan(size / 4096 / 2);
  });
});
