/** The window and the clock of an `ArrivalRate`. */
export interface ArrivalRateOptions {
  /** Length of a window. The rate is measured over the previous and the current window: one to two lengths. */
  windowMs: number;
  /** A monotonic clock in milliseconds. */
  now: () => number;
}

/** Shortest time over which a rate is computed. Over less, one chunk would give an arbitrarily high rate. */
const shortestMs = 50;

/** Measures the current rate of arriving bytes. Bytes that arrived before the previous window do not count. */
export class ArrivalRate {
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #startedAt: number;
  #windowStartedAt: number;
  #current = 0;
  /** Bytes of the previous window; undefined during the first one. */
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

  /** Counts bytes that have arrived now. */
  add(bytes: number): void {
    this.#roll();
    this.#current += bytes;
  }

  /** @returns the average rate since the start of the previous window, in bytes per second */
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
