import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "@jest/globals";
import { loadKoffi } from "../../src/native/koffi.js";
import { ProcessState } from "../../src/native/process-state.js";

const libc = (await loadKoffi()).load(null);
const signal = libc.func("intptr_t signal(int number, intptr_t handler)");
const mask = libc.func("int pthread_sigmask(int how, void *mask, void *old)");
const setLocale = libc.func("const char *setlocale(int category, const char *locale)");
const setLimit = libc.func("int setrlimit(int resource, void *limit)");

/** Lines of /proc/self/status (masks of signals, and of file modes) and of /proc/self/limits. */
function kernelState(): string[] {
  const status = readFileSync("/proc/self/status", "utf8");
  const limits = readFileSync("/proc/self/limits", "utf8");
  return `${status}${limits}`
    .split("\n")
    .filter((line) => /^(?:SigBlk|SigIgn|Max file size)/u.test(line));
}

describe("the process's state that a library has changed", () => {
  test("is restored: signal handlers and mask, working folder, umask, locale, limits", async () => {
    const folder = process.cwd();
    const fileModes = process.umask(0o026);
    // SIGPWR is 30, SIGPIPE 13, SIGTERM 15, a real-time signal 40; 0 is the default, 1 to ignore.
    signal(30, 1);
    try {
      const before = kernelState();
      const state = await ProcessState.capture(["SIGPWR", "SIGPIPE", "SIGTERM"]);
      signal(30, 0);
      signal(13, 0);
      signal(15, 1);
      signal(40, 1);
      // Blocks SIGTERM; 0 is SIG_BLOCK.
      mask(0, Buffer.concat([Buffer.from([0, 1 << 6]), Buffer.alloc(254)]), null);
      process.chdir(tmpdir());
      setLocale(6, "C.UTF-8");
      const limit = Buffer.alloc(16, 0xff);
      limit.writeBigUInt64LE(1_000_000_000n);
      // RLIMIT_FSIZE, the soft limit alone.
      setLimit(1, limit);
      expect(kernelState().filter((line) => before.includes(line))).toEqual([]);

      state.restoreSignals(["SIGPWR"]);
      expect(kernelState()).not.toEqual(before);
      state.restore();
      expect(kernelState()).toEqual(before);
      expect(process.cwd()).toBe(folder);
      expect(setLocale(6, null)).toBe("C");
      expect(readFileSync("/proc/self/status", "utf8")).toContain("Umask:\t0026");
    } finally {
      signal(30, 0);
      process.umask(fileModes);
    }
  });

  test("is restored: environment variables that were added, changed or removed", async () => {
    process.env["CONFML_KEPT"] = "kept";
    process.env["CONFML_CHANGED"] = "before";
    process.env["CONFML_REMOVED"] = "there";
    const before = { ...process.env };
    const state = await ProcessState.capture([]);
    process.env["CONFML_CHANGED"] = "after";
    process.env["CONFML_NEW"] = "new";
    delete process.env["CONFML_REMOVED"];
    state.restore();
    expect({ ...process.env }).toEqual(before);
  });
});
