import { RequestError } from "../errors.js";
import { prepareImage, type PreparedImage, type Preprocessing } from "./preprocess.js";

export interface DecodeQueueOptions {
  preprocessing: Preprocessing;
  maxPixels: number;
  /** Pictures decoded at one time: each may take 3 bytes for each of its pixels. */
  maxDecodes: number;
  /** More than so many waiting are refused at once. */
  maxQueue: number;
}

export interface QueuedImage extends PreparedImage {
  /** Milliseconds until the decoding began. */
  queueMs: number;
  decodeMs: number;
}

/** Decodes and preprocesses pictures, a few at a time. */
export class DecodeQueue {
  readonly #options: DecodeQueueOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: DecodeQueueOptions) {
    this.#options = options;
  }

  /** Pictures whose decoding has not begun. */
  get length(): number {
    return this.#waiting.length;
  }

  /** @throws RequestError IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, OVERLOADED; the signal's reason */
  async prepare(file: Uint8Array, signal: AbortSignal): Promise<QueuedImage> {
    const { preprocessing, maxPixels } = this.#options;
    const start = performance.now();
    await this.#enter();
    try {
      signal.throwIfAborted();
      const queueMs = performance.now() - start;
      const image = await prepareImage(file, preprocessing, maxPixels);
      return { ...image, queueMs, decodeMs: performance.now() - start - queueMs };
    } finally {
      this.#leave();
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#options.maxDecodes) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.length >= this.#options.maxQueue) {
      throw new RequestError("OVERLOADED", "too many pictures are waiting; try again soon", {
        retryAfterSeconds: 1,
      });
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Hands its place to the next in line, or gives it up. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
