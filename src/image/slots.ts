import { RequestError } from "../errors.js";

/** So many may be within at one time; others wait in line. */
export class Slots {
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #free: number;

  /** @param maxWaiting more than so many waiting are refused at once */
  constructor(count: number, maxWaiting: number) {
    this.#free = count;
    this.#maxWaiting = maxWaiting;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** @throws RequestError OVERLOADED */
  async within<T>(action: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await action();
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new RequestError("OVERLOADED", "too many pictures are waiting; try again soon", {
        retryAfterSeconds: 1,
      });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands its place to the next in line, or gives it up. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
