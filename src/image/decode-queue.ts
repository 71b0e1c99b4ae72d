import { RequestError } from "../errors.js";
import { estimateHeaderBytes } from "./decode-memory.js";
import { inspectImage } from "./decode.js";
import { FairSlots, SharedMemory } from "./fair-slots.js";
import type { ImageLimits } from "./limits.js";
import { prepareImage, type PreparedImage, type Preprocessing } from "./preprocess.js";

export interface DecodeQueueOptions {
  preprocessing: Preprocessing;
  limits: ImageLimits;
  /** Pictures decoded at one time; large ones leave one of these places to small ones, where there are two. */
  maxDecodes: number;
  /** Memory of all pictures that are decoded at one time; at least `limits.maxDecodeBytes`. */
  maxDecodeBytesInFlight: number;
  /** How long libvips may work on one picture; rounded up to whole seconds, its unit. */
  decodeTimeoutMs: number;
  /** Pictures that wait. */
  maxQueue: number;
}

export interface QueuedImage extends PreparedImage {
  /** Milliseconds until the decoding began. */
  queueMs: number;
  decodeMs: number;
}

/**
 * Decodes and preprocesses pictures, a few at a time, in a bounded memory.
 *
 * `maxDecodeBytesInFlight` has two parts: `limits.maxDecodeBytes` for large pictures, and what remains for small
 * ones, and for reading headers. A picture is small when the memory that its decoding may take fits into the second
 * part. So large pictures never keep small ones waiting, nor the other way round once their headers are read, and the
 * sum has its bound: only where the second part is smaller than what a header takes, one header at a time exceeds it.
 * In each part, and where headers are read, clients take turns.
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
    // Headers come first where memory is given back: what decodes small pictures must not keep a large file's waiting.
    const memory = new SharedMemory(this.#smallBytes);
    this.#headers = new FairSlots({ maxPlaces: maxDecodes, memory });
    this.#small = new FairSlots({ maxPlaces: maxDecodes, memory });
    this.#large = new FairSlots({
      maxPlaces: Math.max(1, maxDecodes - 1),
      memory: new SharedMemory(limits.maxDecodeBytes),
    });
  }

  /** Pictures whose decoding has not begun. */
  get length(): number {
    return this.#lines.reduce((sum, line) => sum + line.waiting, 0);
  }

  /**
   * @param signal ends the waiting at once, and what has begun at its next step: libvips itself stops at
   *   `decodeTimeoutMs` alone
   * @param client whose picture it is: clients take turns
   * @throws RequestError IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, DECODE_TIMEOUT, OUT_OF_MEMORY, OVERLOADED; the
   *   signal's reason
   */
  async prepare(file: Uint8Array, signal: AbortSignal, client: string): Promise<QueuedImage> {
    const { preprocessing, limits, decodeTimeoutMs } = this.#options;
    // Before the file is looked at: whether there is room must not depend on what is in it.
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

  get #lines(): FairSlots[] {
    return [this.#large, this.#small, this.#headers];
  }

  /**
   * Where as many wait as may, the client that has most of them gives one up.
   *
   * @throws RequestError OVERLOADED if that is this client
   */
  #makeRoom(client: string): void {
    if (this.length < this.#options.maxQueue) return;
    const counts = new Map<string, number>();
    for (const line of this.#lines) {
      for (const [name, count] of line.waitingByClient) {
        counts.set(name, (counts.get(name) ?? 0) + count);
      }
    }
    const [most, count] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a), [client, 0]);
    const refusal = new RequestError(
      "OVERLOADED",
      "too many pictures are waiting; try again soon",
      { retryAfterSeconds: 1 },
    );
    // One more of this client's would make it the one that has most.
    if (count <= (counts.get(client) ?? 0) + 1) throw refusal;
    this.#lines.some((line) => line.dismiss(most, refusal));
  }
}
