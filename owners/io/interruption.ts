import { constants } from "node:os";
import { setImmediate } from "node:timers/promises";

/** Signals that end a command. SIGPIPE is not one of them: Node ignores it, and the write fails instead. */
const signals = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;

const cleanups = new Set<() => void>();

/**
 * Runs `cleanup` when `action` has ended: normally, with an error, by a signal or by an exit of the process. Signals are
 * handled between two turns of the event loop, never during a synchronous part of `action`.
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
    // A signal during a synchronous part is delivered by the event loop. If the listener were removed before that, the
    // signal would be lost, and a command for many files would continue after Ctrl-C. Two turns, because the first
    // setImmediate may run in the turn that has already begun.
    await setImmediate();
    await setImmediate();
    cleanups.delete(cleanup);
    if (cleanups.size === 0) stopListening();
  }
}

function endBy(signal: NodeJS.Signals): void {
  cleanAll();
  stopListening();
  // Without a listener the signal has its default effect, so that shells see a death by signal and end their loops.
  process.kill(process.pid, signal);
  // Signals without a handler do not end process 1 of a container (pid_namespaces(7)).
  process.exit(128 + constants.signals[signal]);
}

function cleanAll(): void {
  for (const cleanup of cleanups) {
    try {
      cleanup();
    } catch {
      // The other cleanups must still run, and the process ends anyway.
    }
  }
}

function stopListening(): void {
  for (const signal of signals) process.removeListener(signal, endBy);
  process.removeListener("exit", cleanAll);
}
