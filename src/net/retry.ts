import { setTimeout as sleep } from "node:timers/promises";

export interface RetryOptions {
  /** Aborts when time is up: the last failure is thrown then. */
  signal: AbortSignal;
  isTransient: (error: unknown) => boolean;
  /** How long the other side asked to wait, if it did. */
  retryAfterMs?: (error: unknown) => number | undefined;
  onRetry: (attempt: { number: number; error: unknown; delayMs: number }) => void;
  baseDelayMs?: number;
  maxDelayMs?: number;
}

/**
 * Runs an operation until it succeeds, fails for good, or time is up. Delays grow exponentially with
 * full jitter (uniform between nothing and the step's bound), so that servers which start together
 * do not come back together.
 */
export async function retry<T>(operation: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, isTransient, onRetry, baseDelayMs = 250, maxDelayMs = 10_000 } = options;
  for (let number = 1; ; number += 1) {
    try {
      return await operation();
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      const bound = Math.min(maxDelayMs, baseDelayMs * 2 ** (number - 1));
      const delayMs = Math.round(
        Math.max(Math.random() * bound, options.retryAfterMs?.(error) ?? 0),
      );
      onRetry({ number, error, delayMs });
      try {
        await sleep(delayMs, undefined, { signal });
      } catch {
        throw error;
      }
    }
  }
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
