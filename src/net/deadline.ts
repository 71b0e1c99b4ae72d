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
    this.#timer = setTimeout(() => {
      if (this.signal.aborted) return;
      this.#isExpired = true;
      this.#controller.abort(new DOMException(`no end within ${timeoutMs} ms`, "TimeoutError"));
    }, timeoutMs);
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
