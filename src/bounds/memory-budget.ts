/**
 * A limit on the memory that several `FairSlots` reserve together. It only counts; it allocates nothing. A reservation
 * for more than the whole budget is admitted when nothing else is reserved: otherwise its work could never start.
 */
export class MemoryBudget {
  readonly #maxBytes: number;
  readonly #listeners: (() => void)[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @param listener called whenever memory is released; several are called in the order of their registration */
  onRelease(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Whether this number of bytes can be reserved now. */
  has(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= this.#maxBytes;
  }

  /** Reserves bytes. It does not check them against the budget: call `has` before. */
  take(bytes: number): void {
    this.#bytes += bytes;
  }

  /** Returns reserved bytes to the budget, and calls the listeners. */
  release(bytes: number): void {
    this.#bytes -= bytes;
    for (const listener of this.#listeners) listener();
  }
}
