import { setMaxListeners } from "node:events";
import { timerMs } from "./timers.js";

/** When each deadline's signal aborts by itself, in milliseconds of `performance.now()`. */
const ends = new WeakMap<AbortSignal, number>();

/** @returns milliseconds until the deadline of a `Deadline`'s signal; Infinity for any other signal */
export function timeLeftMs(signal: AbortSignal): number {
  return Math.max(0, (ends.get(signal) ?? Infinity) - performance.now());
}

/**
 * A signal that aborts when its time has passed, or with a parent signal. `AbortSignal.any` over `AbortSignal.timeout` is
 * meant for this, but Node 20 lets both be garbage-collected while listeners wait for them, and then the signal never
 * aborts (docs/decisions/0005-no-abort-signal-any.md).
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #parent: AbortSignal | undefined;
  readonly #onParentAbort = (): void => {
    this.abort(this.#parent?.reason);
  };
  #isExpired = false;

  /**
   * Starts the timer.
   *
   * @param timeoutMs time until the signal aborts
   * @param parent aborts this signal as well, with its own reason
   */
  constructor(timeoutMs: number, parent?: AbortSignal) {
    this.#parent = parent;
    // Each pending request adds a listener; Node warns of more than ten.
    setMaxListeners(0, this.signal);
    const parentEnd = (parent && ends.get(parent)) ?? Infinity;
    ends.set(this.signal, Math.min(parentEnd, performance.now() + timeoutMs));
    this.#timer = setTimeout(() => {
      if (this.signal.aborted) return;
      this.#isExpired = true;
      this.#controller.abort(new DOMException(`no end within ${timeoutMs} ms`, "TimeoutError"));
    }, timerMs(timeoutMs));
    if (parent?.aborted === true) this.#onParentAbort();
    else parent?.addEventListener("abort", this.#onParentAbort, { once: true });
  }

  /** Aborts with a DOMException named `TimeoutError` when the time has passed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the signal aborted because its own time had passed. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  /** Aborts the signal before its time. */
  abort(reason: unknown): void {
    this.end();
    this.#controller.abort(reason);
  }

  /** Stops the timer and leaves the parent: the signal does not abort any more. Call it when the work has ended. */
  end(): void {
    clearTimeout(this.#timer);
    this.#parent?.removeEventListener("abort", this.#onParentAbort);
  }
}

/**
 * Waits for a promise, but not longer than until a signal aborts. The work behind the promise is not stopped.
 *
 * @returns the promise's value
 * @throws the promise's reason; the signal's reason if it aborts first
 */
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
