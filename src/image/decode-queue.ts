import { inspectImage } from "./decode.js";
import { prepareImage, type PreparedImage, type Preprocessing } from "./preprocess.js";
import { Slots } from "./slots.js";

export interface DecodeQueueOptions {
  preprocessing: Preprocessing;
  maxPixels: number;
  /** Pictures decoded at one time; of large ones no more than one. */
  maxDecodes: number;
  /** More than so many waiting are refused at once. */
  maxQueue: number;
}

export interface QueuedImage extends PreparedImage {
  /** Milliseconds until the decoding began. */
  queueMs: number;
  decodeMs: number;
}

/** A picture of more than this share of `maxPixels` is large. */
const largeShare = 1 / 16;

/**
 * Decodes and preprocesses pictures, a few at a time. Large ones, which take up to 8 bytes for each pixel, come one
 * after the other and leave the other places to small ones: so memory has a bound, and neighbours go on.
 */
export class DecodeQueue {
  readonly #options: DecodeQueueOptions;
  readonly #places: Slots;
  readonly #largePlace: Slots;

  constructor(options: DecodeQueueOptions) {
    this.#options = options;
    this.#places = new Slots(options.maxDecodes, options.maxQueue);
    this.#largePlace = new Slots(1, options.maxQueue);
  }

  /** Pictures whose decoding has not begun. */
  get length(): number {
    return this.#places.waiting + this.#largePlace.waiting;
  }

  /** @throws RequestError IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, OVERLOADED; the signal's reason */
  async prepare(file: Uint8Array, signal: AbortSignal): Promise<QueuedImage> {
    const { preprocessing, maxPixels } = this.#options;
    signal.throwIfAborted();
    const start = performance.now();
    const header = await inspectImage(file, maxPixels);
    const decode = (): Promise<QueuedImage> =>
      this.#places.within(async () => {
        signal.throwIfAborted();
        const queueMs = performance.now() - start;
        const image = await prepareImage(file, preprocessing, maxPixels, header);
        return { ...image, queueMs, decodeMs: performance.now() - start - queueMs };
      });
    const isLarge = header.width * header.height > maxPixels * largeShare;
    return isLarge ? this.#largePlace.within(decode) : decode();
  }
}
