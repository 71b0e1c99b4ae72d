import { ServerError } from "./server-error.js";

export interface RetryOptions {
  maxAttempts: number;
  /** All waits together, in milliseconds: whoever answers in the server's place could ask for hours. */
  maxWaitMs: number;
  signal: AbortSignal | undefined;
  /** Called before each wait. */
  onWait: () => void;
}

/**
 * Repeats an operation while the server asks for it (`Retry-After`). Waits up to a second longer than asked for, by chance, so
 * that clients do not return all at once.
 *
 * @throws the last error; the signal's reason
 */
export async function withRetries<T>(
  operation: () => Promise<T>,
  { maxAttempts, maxWaitMs, signal, onWait }: RetryOptions,
): Promise<T> {
  let waited = 0;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await operation();
    } catch (error) {
      const wait = error instanceof ServerError ? error.retryAfterMs : undefined;
      if (wait === undefined || attempt >= maxAttempts || waited + wait > maxWaitMs) throw error;
      waited += wait;
      onWait();
      await pause(wait + Math.random() * 1000, signal);
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
