import { UnavailableError } from "../errors.js";
import { setTimeout as sleep } from "node:timers/promises";
import { timerMs } from "../timers.js";
import { timeLeftMs } from "./deadline.js";

export interface RetryOptions {
  /** Aborts when time is up: the last failure is thrown then. */
  signal: AbortSignal;
  isTransient: (error: unknown) => boolean;
  /** How long the other side asked to wait, if it did; no longer than the time that is left. */
  retryAfterMs?: (error: unknown) => number | undefined;
  onRetry: (attempt: { number: number; error: unknown; delayMs: number }) => void;
  baseDelayMs?: number;
  maxDelayMs?: number;
}

/**
 * Runs an operation until it succeeds, fails for good, or time is up. Delays grow exponentially with
 * full jitter (uniform between nothing and the step's bound), so that servers which start together
 * do not come back together. No attempt begins that would begin after the signal's deadline.
 */
export async function retry<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, isTransient, onRetry, baseDelayMs = 250, maxDelayMs = 10_000 } = options;
  let last: unknown;
  for (let number = 1; ; number += 1) {
    try {
      return await operation();
    } catch (error) {
      // An attempt that was cut short says nothing; the one before it says what is wrong.
      if (signal.aborted) throw last ?? error;
      if (!isTransient(error)) throw error;
      last = error;
      const bound = Math.min(maxDelayMs, baseDelayMs * 2 ** (number - 1));
      const wantedMs = Math.max(Math.random() * bound, options.retryAfterMs?.(error) ?? 0);
      const leftMs = timeLeftMs(signal);
      onRetry({ number, error, delayMs: timerMs(Math.round(Math.min(wantedMs, leftMs))) });
      try {
        // With no time for another attempt, the deadline itself ends the wait, and not a timer just before it.
        const isLast = wantedMs >= leftMs;
        await sleep(timerMs(isLast ? Infinity : wantedMs), undefined, { signal });
      } catch {
        throw error;
      }
    }
  }
}

/** A step that failed in a way that may pass. */
export interface FailedAttempt {
  /** What was being done, as a participle. */
  step: string;
  /** From 1. */
  number: number;
  reason: string;
  /** How long until the next attempt. */
  delayMs: number;
}

export interface RetryContext {
  /** Aborts when time is up. */
  signal: AbortSignal;
  onRetry: (attempt: FailedAttempt) => void;
}

/** `retry` for operations that say by an UnavailableError that they may succeed later. */
export async function retryUnavailable<T>(
  operation: () => Promise<T>,
  { signal, onRetry }: RetryContext,
  retryAfter: (error: UnavailableError) => number | undefined,
): Promise<T> {
  return retry(operation, {
    signal,
    isTransient: (error) => error instanceof UnavailableError,
    retryAfterMs: (error) => (error instanceof UnavailableError ? retryAfter(error) : undefined),
    onRetry: ({ number, error, delayMs }) => {
      if (!(error instanceof UnavailableError)) throw error;
      const { doing: step, got: reason } = error.failure;
      onRetry({ step, number, reason, delayMs });
    },
  });
}

/** Settles like the promise, or rejects with the signal's reason when it aborts first. */
export async function withSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => undefined;
  const aborted = new Promise<void>((resolve) => {
    onAbort = resolve;
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", onAbort, { once: true });
  }).then((): never => {
    signal.throwIfAborted();
    throw new Error("the signal did not abort");
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
