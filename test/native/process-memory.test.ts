import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import koffi from "koffi";
import { describe, expect, test } from "@jest/globals";
import { hugePageAdviser, tidyMemory } from "../../src/native/process-memory.js";

const pageBytes = 4096;
const hugePageBytes = 2 * 1024 * 1024;

interface Mapping {
  start: bigint;
  end: bigint;
  /** `hg` is huge pages advised. */
  flags: string[];
  residentBytes: number;
}

/** The process's mappings (/proc/self/smaps). */
function mappings(): Mapping[] {
  const found: Mapping[] = [];
  for (const line of readFileSync("/proc/self/smaps", "utf8").split("\n")) {
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) /u.exec(line) ?? [];
    const last = found.at(-1);
    if (start !== undefined && end !== undefined) {
      found.push({
        ...{ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`) },
        ...{ flags: [], residentBytes: 0 },
      });
    } else if (last !== undefined && line.startsWith("VmFlags:")) {
      last.flags = line.split(/\s+/u).slice(1);
    } else if (last !== undefined && line.startsWith("Rss:")) {
      last.residentBytes = Number(/\d+/u.exec(line)?.[0]) * 1024;
    }
  }
  return found;
}

/** Resident bytes of the mappings in which any of the addresses lies. */
function residentAround(addresses: readonly bigint[]): number {
  return mappings()
    .filter(({ start, end }) => addresses.some((one) => start <= one && one < end))
    .reduce((sum, { residentBytes }) => sum + residentBytes, 0);
}

/** The number that a script of test/helpers prints in a process of its own. */
function numberOf(script: string, ...options: string[]): number {
  const file = fileURLToPath(new URL(`../helpers/${script}`, import.meta.url));
  return Number(execFileSync(process.execPath, [file, ...options], { encoding: "utf8" }));
}

/** 16 MB in a mapping of their own, and the offset of their first huge page. */
function largeBuffer(): { bytes: Buffer; hugeAt: number } {
  const bytes = Buffer.allocUnsafeSlow(8 * hugePageBytes);
  const past = Number(koffi.address(bytes) % BigInt(hugePageBytes));
  return { bytes, hugeAt: past === 0 ? 0 : hugePageBytes - past };
}

/** Of the huge pages and ordinary pages at these offsets, those under which huge pages are advised. */
function advised(bytes: Buffer, offsets: readonly number[]): number[] {
  const address = koffi.address(bytes);
  const huge = mappings().filter(({ flags }) => flags.includes("hg"));
  return offsets.filter((offset) => {
    const at = address + BigInt(offset);
    return huge.some(({ start, end }) => start <= at && at < end);
  });
}

describe("the process's memory", () => {
  test("has few malloc heaps, shared by all threads, after shareHeaps", () => {
    const shared = numberOf("heaps-child.mjs", "shared");
    expect(shared).toBeGreaterThan(0);
    expect(shared).toBeLessThan(numberOf("heaps-child.mjs") / 2);
  });

  test("gets huge pages advised where a buffer covers them, and not before its start or after its end", async () => {
    const advise = await hugePageAdviser();
    const { bytes, hugeAt } = largeBuffer();
    const [first, last] = [hugeAt + hugePageBytes, hugeAt + 4 * hugePageBytes];
    // From one page after a huge page's start to one page before another's end: two are covered.
    const part = bytes.subarray(first + pageBytes, last - pageBytes);
    const [start, end] = [first + pageBytes, last - 2 * pageBytes];
    const covered = [first + hugePageBytes, last - hugePageBytes - pageBytes];
    expect(advised(bytes, [start, ...covered, end])).toEqual([]);
    advise(part);
    expect(advised(bytes, [start, ...covered, end])).toEqual(covered);
  });

  test("gets no huge pages advised under a buffer that covers none", async () => {
    const advise = await hugePageAdviser();
    const { bytes, hugeAt } = largeBuffer();
    const start = hugeAt + pageBytes;
    for (const length of [0, pageBytes, hugePageBytes, 2 * hugePageBytes - 2 * pageBytes]) {
      advise(bytes.subarray(start, start + length));
    }
    expect(advised(bytes, [start, hugeAt + hugePageBytes, start + hugePageBytes])).toEqual([]);
  });

  test("is returned by tidyMemory: JavaScript's garbage, and free pages inside malloc's heap", async () => {
    const libc = koffi.load(null);
    const malloc = libc.func("uint64_t malloc(size_t size)");
    const memset = libc.func("uint64_t memset(uint64_t at, int byte, size_t size)");
    const free = libc.func("void free(uint64_t at)");
    const blocks = Array.from({ length: 600 }, () => BigInt(malloc(100_000) as number | bigint));
    for (const block of blocks) memset(block, 1, 100_000);
    // A block at the end of the heap: without it, free() itself would shrink the heap.
    const last: unknown = malloc(120_000);
    for (const block of blocks) free(block);
    const garbage = new WeakRef({});
    await new Promise((resolve) => setImmediate(resolve));
    // The heap's mappings alone, of which a process that ran other tests may have several: V8's memory lies in others.
    const before = residentAround(blocks);
    await tidyMemory();
    expect(before - residentAround(blocks)).toBeGreaterThan(40_000_000);
    expect(garbage.deref()).toBeUndefined();
    free(last);
  });

  test("stays in malloc's heap after keepHeap, and goes back to the kernel without it", () => {
    const pages = 12_000_000 / pageBytes;
    expect(numberOf("heap-faults-child.mjs", "kept")).toBeLessThan(pages / 2);
    expect(numberOf("heap-faults-child.mjs")).toBeGreaterThan(pages / 2);
  });
});
