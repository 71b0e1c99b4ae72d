/**
 * Preloaded into the unchanged server (`node --import`). On SIGURG it collects garbage, on SIGWINCH it also makes the C
 * library return free memory; then it prints one line on standard error with the memory in use.
 */
import { Session } from "node:inspector/promises";
import { isMainThread } from "node:worker_threads";
import { loadKoffi } from "../src/native/koffi.js";
import { probeMark } from "./probe-line.js";

/** The fields of `struct mallinfo2` (glibc's malloc.h), which count all arenas together. */
const fields = [
  ...["arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks"],
  ...["uordblks", "fordblks", "keepcost"],
];

// Node loads it in worker threads as well.
if (isMainThread) {
  // With the server's settings, which koffi takes only before its first library is opened.
  const koffi = await loadKoffi();
  const library = koffi.load(null);
  koffi.struct("mallinfo2", Object.fromEntries(fields.map((field) => [field, "size_t"])));
  const mallinfo: () => Record<string, number> = library.func("mallinfo2 mallinfo2()");
  const trim = library.func("int malloc_trim(size_t pad)");
  const collect = async (): Promise<void> => {
    const session = new Session();
    session.connect();
    await session.post("HeapProfiler.collectGarbage");
    session.disconnect();
  };
  const tell = (): void => {
    const { uordblks = 0, fordblks = 0, hblkhd = 0 } = mallinfo();
    const { heapUsed, heapTotal, external, rss } = process.memoryUsage();
    const figures = {
      ...{ heapUsed, heapTotal, external, rss },
      ...{ mallocUsed: uordblks + hblkhd, mallocFree: fordblks },
    };
    process.stderr.write(`${probeMark}${JSON.stringify(figures)}\n`);
  };
  process.on("SIGURG", () => void collect().then(tell));
  process.on("SIGWINCH", () => {
    void collect().then(() => {
      trim(0);
      tell();
    });
  });
}
