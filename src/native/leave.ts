import { loadKoffi } from "./koffi.js";

type Leave = (code: number) => never;

/**
 * Prepares a function that ends the process at once, through libc's `_exit`. `process.exit` would wait for a thread in
 * which a native library's call hangs. Only output that was written synchronously is complete.
 *
 * It is prepared in advance, because a process that has to end may be unable to load koffi.
 *
 * @returns ends the process with the exit code; without libc, with SIGKILL
 */
export async function prepareToLeave(): Promise<Leave> {
  const exit = await loadExit();
  return (code) => {
    exit?.(code);
    // Without libc. The host sees a killed process, never a success.
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
