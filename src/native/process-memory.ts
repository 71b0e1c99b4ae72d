import { Session } from "node:inspector/promises";
import { loadKoffi } from "./koffi.js";

/** Numbers of mallopt(3)'s parameters, from glibc's malloc.h. */
const mallocParameters = { trimThreshold: -1, mmapThreshold: -3, arenaMax: -8 } as const;
/** The number of malloc's arenas, which all threads share. */
const arenas = 2;
/** Free memory that malloc keeps at the top of its heap. Blocks of up to half of this are allocated from the heap. */
const keptBytes = 32 * 1024 * 1024;
/** madvise(2)'s MADV_HUGEPAGE, from Linux' mman-common.h, and the size of such a page. */
const huge = { advice: 14, pageBytes: 2n * 1024n * 1024n } as const;

/** Collects JavaScript's garbage and returns malloc's free pages to the kernel: after a boot these are large. */
export async function tidyMemory(): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post("HeapProfiler.collectGarbage");
  session.disconnect();
  await attempt(async () => {
    const koffi = await loadKoffi();
    koffi.load(null).func("int malloc_trim(size_t pad)")(0);
  });
}

/**
 * Limits the arenas of glibc's malloc, of which the default is eight for each processor. Each arena keeps the memory of
 * the largest picture that its threads have decoded (decision 52). It must be called before threads are started that
 * would get an arena of their own. Without glibc it has no effect.
 */
export async function shareHeaps(): Promise<void> {
  await setMalloc([[mallocParameters.arenaMax, arenas]]);
}

/**
 * Makes glibc's malloc keep freed memory. Every request allocates and frees megabytes for pictures and tensors, and each
 * new page from the kernel costs a page fault. Without glibc, as in Mystikos, it has no effect.
 */
export async function keepHeap(): Promise<void> {
  await setMalloc([
    [mallocParameters.mmapThreshold, keptBytes / 2],
    [mallocParameters.trimThreshold, keptBytes],
  ]);
}

async function setMalloc(settings: readonly (readonly [number, number])[]): Promise<void> {
  await attempt(async () => {
    const koffi = await loadKoffi();
    const mallopt = koffi.load(null).func("int mallopt(int parameter, int value)");
    for (const [parameter, value] of settings) mallopt(parameter, value);
  });
}

/**
 * Prepares a function that advises the kernel to use huge pages for a buffer that will be filled completely: one page
 * fault for 2 MB instead of 512.
 *
 * @returns a function that advises huge pages for all those that lie entirely in a buffer; without madvise(2) it has no
 *   effect
 */
export async function hugePageAdviser(): Promise<(bytes: Uint8Array) => void> {
  try {
    const koffi = await loadKoffi();
    const madvise = koffi
      .load(null)
      .func("int madvise(uint64_t address, size_t length, int advice)");
    return (bytes) => {
      const address = koffi.address(bytes);
      const start = ((address + huge.pageBytes - 1n) / huge.pageBytes) * huge.pageBytes;
      const end = ((address + BigInt(bytes.length)) / huge.pageBytes) * huge.pageBytes;
      if (end > start) madvise(start, end - start, huge.advice);
    };
  } catch {
    return () => undefined;
  }
}

/** Runs an optimization, whose failure is ignored. */
async function attempt(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch {
    // The process works without it.
  }
}
