import { describeCause } from "../errors.js";

/**
 * The signals of signal(7) that end a process where nobody handles them, and that JavaScript can handle.
 *
 * SIGUSR1 is one of them, though Node would open a debugger's port: a handler takes the place of Node's. SIGABRT can be
 * one, because abort() raises it a second time, without a handler.
 *
 * Not among them: SIGPIPE and SIGXFSZ, which Node ignores, so that the write fails instead (EPIPE, EFBIG); SIGSEGV,
 * SIGBUS, SIGFPE, SIGILL and SIGTRAP, which the processor raises in the middle of native code: a handler that returns
 * would have that code go on where it must not; SIGKILL, which nobody can handle; the real-time signals, which Node does
 * not know (`ignoreRealTimeSignals`).
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

/** Signals without a handler, and why. */
export interface UnhandledSignals {
  signals: NodeJS.Signals[];
  reason: string;
}

/**
 * Registers a handler for every signal that would end the process, each by itself.
 *
 * @returns those that cannot have one, as in Mystikos; undefined: none
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
