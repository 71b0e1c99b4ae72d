import { Session } from "node:inspector/promises";
import { loadKoffi } from "./koffi.js";

/** From glibc's malloc.h. */
const mallocParameters = { trimThreshold: -1, mmapThreshold: -3, arenaMax: -8 } as const;
/** Heaps of malloc that all threads share. */
const arenas = 2;
/** Blocks up to half as much come from the heap, and so much of it is kept when they are free again. */
const keptBytes = 32 * 1024 * 1024;
/** From Linux' mman-common.h. */
const huge = { advice: 14, pageBytes: 2n * 1024n * 1024n } as const;

/**
 * Gives back what a boot has left behind: the garbage of a download, what a model was before it was loaded.
 */
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
 * Has the threads share a few heaps of glibc's malloc, in place of eight for each processor. Each heap grows to the
 * most that it ever had to hold at one time, and any of the decoding threads may decode the largest picture.
 * To be called before there are threads that would get a heap of their own.
 */
export async function shareHeaps(): Promise<void> {
  await setMalloc([[mallocParameters.arenaMax, arenas]]);
}

/**
 * Has the C library keep what it has got from the kernel: pictures and tensors of megabytes come and go
 * with every request, and each page that comes anew costs a fault. Where there is no glibc, as in Mystikos,
 * nothing happens.
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
 * @returns asks for huge pages under memory that is about to be filled as a whole: one page fault for 2 MB
 *   instead of 512. A wish: the kernel may not know it, and nothing depends on it
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

/** What only saves time or memory may fail. */
async function attempt(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch {
    // As it was, then.
  }
}
