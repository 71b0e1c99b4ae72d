import { setTimeout as sleep } from "node:timers/promises";
import { UnavailableError } from "../errors.js";
import { timeLeftMs } from "./deadline.js";
import { timerMs } from "./timers.js";

/** Which errors are retried, and when. */
export interface RetryOptions {
  /** Ends the attempts when it aborts. */
  signal: AbortSignal;
  /** Whether another attempt may succeed after this error. */
  isTransient: (error: unknown) => boolean;
  /** The shortest delay that the other side asked for, in milliseconds; undefined if it asked for none. */
  retryAfterMs?: (error: unknown) => number | undefined;
  /** Called after each failed attempt that may be followed by another. Attempts are numbered from 1. */
  onRetry: (attempt: { number: number; error: unknown; delayMs: number }) => void;
  /** Upper bound of the first delay; it doubles with each further attempt. Default: 250. */
  baseDelayMs?: number;
  /** Largest value of that bound. `retryAfterMs` may exceed it. Default: 10,000. */
  maxDelayMs?: number;
}

/**
 * Runs an operation until it succeeds, fails with an error that is not transient, or the signal aborts. Each delay is
 * uniform between 0 and a bound that grows exponentially ("full jitter"), so that servers that start together do not
 * repeat their requests together; a longer delay that the other side asks for replaces it. No attempt begins after the
 * deadline of the signal (deadline.ts).
 *
 * @returns the operation's result
 * @throws the operation's error; once the signal has aborted, the error of the last attempt that ended before
 */
export async function retry<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, isTransient, onRetry, baseDelayMs = 250, maxDelayMs = 10_000 } = options;
  let last: unknown;
  for (let number = 1; ; number += 1) {
    try {
      return await operation();
    } catch (error) {
      // The error of an aborted attempt says nothing about the cause; that of the attempt before does.
      if (signal.aborted) throw last ?? error;
      if (!isTransient(error)) throw error;
      last = error;
      const bound = Math.min(maxDelayMs, baseDelayMs * 2 ** (number - 1));
      const wantedMs = Math.max(Math.random() * bound, options.retryAfterMs?.(error) ?? 0);
      const leftMs = timeLeftMs(signal);
      onRetry({ number, error, delayMs: timerMs(Math.round(Math.min(wantedMs, leftMs))) });
      try {
        // Without time for another attempt only the signal ends the wait: a timer of the same length could end it first.
        const isLast = wantedMs >= leftMs;
        await sleep(timerMs(isLast ? Infinity : wantedMs), undefined, { signal });
      } catch {
        throw error;
      }
    }
  }
}

/** An attempt that failed with a transient error, for the log. */
export interface FailedAttempt {
  /** What was being done, as a participle. */
  step: string;
  /** Number of the attempt, from 1. */
  number: number;
  reason: string;
  /** Milliseconds until the next attempt, or until the deadline if that comes first. */
  delayMs: number;
}

/** The signal and the callback of `retryUnavailable`. */
export interface RetryContext {
  /** Ends the attempts when it aborts. */
  signal: AbortSignal;
  onRetry: (attempt: FailedAttempt) => void;
}

/**
 * Calls `retry` for an operation that throws an UnavailableError if it may succeed later. The next attempt waits at least
 * for the error's `retryAfterMs`.
 *
 * @throws the operation's error; once the signal has aborted, the error of the last attempt that ended before
 */
export async function retryUnavailable<T>(
  operation: () => Promise<T>,
  { signal, onRetry }: RetryContext,
): Promise<T> {
  return retry(operation, {
    signal,
    isTransient: (error) => error instanceof UnavailableError,
    retryAfterMs: (error) => (error instanceof UnavailableError ? error.retryAfterMs : undefined),
    onRetry: ({ number, error, delayMs }) => {
      if (!(error instanceof UnavailableError)) throw error;
      const { doing: step, got: reason } = error.failure;
      onRetry({ step, number, reason, delayMs });
    },
  });
}
