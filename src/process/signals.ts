import { describeCause } from "../errors.js";

/**
 * The signals of signal(7) that end a process without a handler, and that JavaScript can handle.
 *
 * SIGUSR1 is included: Node's own handler for it opens a debugger's port, and ours replaces that. SIGABRT is included:
 * abort() raises it a second time with the default action, so it still ends the process.
 *
 * Excluded: SIGPIPE and SIGXFSZ, which Node ignores, so that the write fails instead (EPIPE, EFBIG); SIGSEGV, SIGBUS,
 * SIGFPE, SIGILL and SIGTRAP, which the processor raises in the middle of native code, to which a handler must not return;
 * SIGKILL, which cannot be handled; the real-time signals, which Node does not know (`ignoreRealTimeSignals`).
 */
export const endingSignals = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGABRT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGALRM",
  "SIGTERM",
  "SIGSTKFLT",
  "SIGXCPU",
  "SIGVTALRM",
  "SIGPROF",
  "SIGIO",
  "SIGPWR",
  "SIGSYS",
] as const satisfies readonly NodeJS.Signals[];

/** Signals for which no handler could be registered, and the first error. */
export interface UnhandledSignals {
  signals: NodeJS.Signals[];
  reason: string;
}

/**
 * Registers a handler for each of `endingSignals`. A failure for one signal does not affect the others.
 *
 * @returns the signals for which it failed, as all do in Mystikos; undefined: none
 */
export function handleEndingSignals(
  handler: (signal: NodeJS.Signals) => void,
): UnhandledSignals | undefined {
  const signals: NodeJS.Signals[] = [];
  let reason = "";
  for (const signal of endingSignals) {
    try {
      process.on(signal, handler);
    } catch (error) {
      signals.push(signal);
      reason ||= describeCause(error);
    }
  }
  return signals.length === 0 ? undefined : { signals, reason };
}
