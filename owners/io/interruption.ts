import { constants } from "node:os";
import { setImmediate } from "node:timers/promises";

/** What ends a command from outside. SIGPIPE is not among them: Node ignores it, and a write fails in its place. */
const signals = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;

const cleanups = new Set<() => void>();

/**
 * Runs `cleanup` when `action` is over, however it ends: also by a signal, or by an exit of the process.
 * A signal is acted upon between two turns of the event loop, so never within a synchronous piece of `action`.
 *
 * @param cleanup synchronous; may be called twice
 */
export async function withCleanup<T>(cleanup: () => void, action: () => Promise<T>): Promise<T> {
  if (cleanups.size === 0) {
    for (const signal of signals) process.on(signal, endBy);
    process.on("exit", cleanAll);
  }
  cleanups.add(cleanup);
  try {
    return await action();
  } finally {
    cleanup();
    // A signal that came during a synchronous piece waits for the event loop to look for it: without a listener
    // it would be lost, and a command for many files would go on after Ctrl-C. One turn is not always a whole one.
    await setImmediate();
    await setImmediate();
    cleanups.delete(cleanup);
    if (cleanups.size === 0) stopListening();
  }
}

function endBy(signal: NodeJS.Signals): void {
  cleanAll();
  stopListening();
  // The signal's own way, now that nobody listens: shells report 128 + its number, and end their loops.
  process.kill(process.pid, signal);
  // The first process of a container does not end by a signal that it does not handle.
  process.exit(128 + constants.signals[signal]);
}

function cleanAll(): void {
  for (const cleanup of cleanups) {
    try {
      cleanup();
    } catch {
      // The others have to be run all the same, and the process ends.
    }
  }
}

function stopListening(): void {
  for (const signal of signals) process.removeListener(signal, endBy);
  process.removeListener("exit", cleanAll);
}
