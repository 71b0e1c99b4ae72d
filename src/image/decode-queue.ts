import { ImageError } from "./image-error.js";
import { estimateHeaderBytes } from "./decode-memory.js";
import { inspectImage } from "./decode.js";
import { FairSlots } from "../bounds/fair-slots.js";
import { makeRoom } from "../bounds/make-room.js";
import { MemoryBudget } from "../bounds/memory-budget.js";
import type { ImageLimits } from "./limits.js";
import { prepareImage, type PreparedImage, type Preprocessing } from "./preprocess.js";

/** Preprocessing, and the limits of a `DecodeQueue`. */
export interface DecodeQueueOptions {
  preprocessing: Preprocessing;
  limits: ImageLimits;
  /** Most pictures that are decoded at one time. If it is 2 or more, large pictures may take all places but one. */
  maxDecodes: number;
  /** Most estimated bytes of all pictures that are decoded at one time; at least `limits.maxDecodeBytes`. */
  maxDecodeBytesInFlight: number;
  /** How long libvips may work on one picture; rounded up to whole seconds, sharp's unit. */
  decodeTimeoutMs: number;
  /** Most pictures that wait. */
  maxQueue: number;
}

/** A decoded and preprocessed picture, and how long that took. */
export interface QueuedImage extends PreparedImage {
  /** Milliseconds from the call to the start of the decoding. */
  queueMs: number;
  /** Milliseconds of decoding and resizing. */
  decodeMs: number;
}

/**
 * Decodes and preprocesses pictures, a few at a time, within bounded memory.
 *
 * `maxDecodeBytesInFlight` has two parts: `limits.maxDecodeBytes` for large pictures, and the rest for small pictures
 * and for reading headers. A picture is small if its estimated memory fits into the second part. So large pictures never
 * delay small ones, and small ones do not delay large ones whose headers have been read. The sum can be exceeded in one
 * case: if the second part is smaller than the estimate for a header, headers are read one at a time beyond it. Clients
 * take turns in each part and for headers.
 */
export class DecodeQueue {
  readonly #options: DecodeQueueOptions;
  readonly #smallBytes: number;
  readonly #headers: FairSlots;
  readonly #small: FairSlots;
  readonly #large: FairSlots;

  constructor(options: DecodeQueueOptions) {
    const { limits, maxDecodes, maxDecodeBytesInFlight } = options;
    this.#options = options;
    this.#smallBytes = maxDecodeBytesInFlight - limits.maxDecodeBytes;
    // Registered first, headers get released memory first: small pictures must not delay the header of a large one.
    const memory = new MemoryBudget(this.#smallBytes);
    this.#headers = new FairSlots({ maxPlaces: maxDecodes, memory });
    this.#small = new FairSlots({ maxPlaces: maxDecodes, memory });
    this.#large = new FairSlots({
      maxPlaces: Math.max(1, maxDecodes - 1),
      memory: new MemoryBudget(limits.maxDecodeBytes),
    });
  }

  /** Number of pictures that wait for a place: for reading their header, or for decoding. */
  get length(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.waiting, 0);
  }

  /**
   * Decodes and preprocesses a picture when its turn comes.
   *
   * @param file the encoded picture
   * @param signal ends the wait at once, and started work before its next step; libvips itself only stops at
   *   `decodeTimeoutMs`
   * @param client identifies the client; clients take turns
   * @throws ImageError IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, DECODE_TIMEOUT, OUT_OF_MEMORY, DECODE_QUEUE_FULL; the
   *   signal's reason
   */
  async prepare(file: Uint8Array, signal: AbortSignal, client: string): Promise<QueuedImage> {
    const { preprocessing, limits, decodeTimeoutMs } = this.#options;
    // Before the file is read, so that a refusal does not depend on its contents.
    this.#makeRoom(client);
    const start = performance.now();
    const claim = { client, signal };
    const headerBytes = estimateHeaderBytes(file);
    const header = await this.#headers.within({ ...claim, bytes: headerBytes }, () =>
      inspectImage(file, limits),
    );
    const bytes = header.decodeBytes;
    const slots = bytes <= this.#smallBytes ? this.#small : this.#large;
    return slots.within({ ...claim, bytes }, async () => {
      const queueMs = performance.now() - start;
      const timeoutSeconds = Math.ceil(decodeTimeoutMs / 1000);
      const image = await prepareImage(file, header, { preprocessing, timeoutSeconds, signal });
      return { ...image, queueMs, decodeMs: performance.now() - start - queueMs };
    });
  }

  get #queues(): FairSlots[] {
    return [this.#large, this.#small, this.#headers];
  }

  /**
   * If the queue is full, refuses the newest waiting picture of the client that has the most waiting pictures.
   *
   * @throws ImageError DECODE_QUEUE_FULL unless another client has at least two pictures more than this one
   */
  #makeRoom(client: string): void {
    const refusal = new ImageError(
      "DECODE_QUEUE_FULL",
      "too many pictures are waiting; try again soon",
    );
    makeRoom({ queues: this.#queues, maxWaiting: this.#options.maxQueue, client }, refusal);
  }
}
