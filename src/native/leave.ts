import { loadKoffi } from "./koffi.js";

type Leave = (code: number) => never;

/**
 * Finds a way out that works also while a native library's call hangs in a thread: libc's `_exit`. An
 * ordinary exit would wait for that thread. What was written synchronously is out by then; nothing else
 * is waited for.
 *
 * Prepared ahead, because a process that has to end may not be able to load anything any more.
 */
export async function prepareToLeave(): Promise<Leave> {
  const exit = await loadExit();
  return (code) => {
    exit?.(code);
    // Without libc at hand: the host sees a kill, which is late but never a success.
    process.kill(process.pid, "SIGKILL");
    throw new Error("the process goes on after SIGKILL");
  };
}

async function loadExit(): Promise<((code: number) => void) | undefined> {
  try {
    const koffi = await loadKoffi();
    const exit = koffi.load(null).func("void _exit(int code)");
    return (code) => {
      exit(code);
    };
  } catch {
    return undefined;
  }
}
