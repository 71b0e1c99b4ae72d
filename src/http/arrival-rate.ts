export interface ArrivalRateOptions {
  /** The rate is that of the last one to two windows. */
  windowMs: number;
  /** Milliseconds on a clock that never goes back. */
  now: () => number;
}

/** Rates over a shorter time than this say nothing. */
const shortestMs = 50;

/** How fast bytes have been arriving lately. A pause counts: old bytes do not make up for it. */
export class ArrivalRate {
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #startedAt: number;
  #windowStartedAt: number;
  #current = 0;
  /** Bytes of the window before, undefined in the first one. */
  #previous: number | undefined;

  constructor({ windowMs, now }: ArrivalRateOptions) {
    this.#windowMs = windowMs;
    this.#now = now;
    this.#startedAt = now();
    this.#windowStartedAt = this.#startedAt;
  }

  /** Milliseconds since the first window began. */
  get ageMs(): number {
    return this.#now() - this.#startedAt;
  }

  add(bytes: number): void {
    this.#roll();
    this.#current += bytes;
  }

  bytesPerSecond(): number {
    this.#roll();
    const previousMs = this.#previous === undefined ? 0 : this.#windowMs;
    const elapsedMs = previousMs + this.#now() - this.#windowStartedAt;
    return (((this.#previous ?? 0) + this.#current) / Math.max(elapsedMs, shortestMs)) * 1000;
  }

  #roll(): void {
    const windows = Math.floor((this.#now() - this.#windowStartedAt) / this.#windowMs);
    if (windows < 1) return;
    this.#previous = windows === 1 ? this.#current : 0;
    this.#current = 0;
    this.#windowStartedAt += windows * this.#windowMs;
  }
}
