import { setMaxListeners } from "node:events";
import { timerMs } from "../timers.js";

/** When each deadline's signal aborts by itself, by `performance.now()`. */
const ends = new WeakMap<AbortSignal, number>();

/** How long until the signal's deadline, in milliseconds; Infinity where it has none. */
export function timeLeftMs(signal: AbortSignal): number {
  return Math.max(0, (ends.get(signal) ?? Infinity) - performance.now());
}

/**
 * A signal that aborts when time is up, or with a parent. `AbortSignal.any` over `AbortSignal.timeout`
 * would say the same, but Node 20 lets both be collected while somebody still listens, and then time
 * is never up.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #parent: AbortSignal | undefined;
  readonly #onParentAbort = (): void => {
    this.abort(this.#parent?.reason);
  };
  #isExpired = false;

  constructor(timeoutMs: number, parent?: AbortSignal) {
    this.#parent = parent;
    // One for each request that is under way; Node warns of more than ten.
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

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether time was up before anything else happened. */
  get isExpired(): boolean {
    return this.#isExpired;
  }

  abort(reason: unknown): void {
    this.end();
    this.#controller.abort(reason);
  }

  /** The work is done: from now on the signal stays as it is. */
  end(): void {
    clearTimeout(this.#timer);
    this.#parent?.removeEventListener("abort", this.#onParentAbort);
  }
}
