import type { IncomingMessage } from "node:http";
import type { MemoryClaim } from "./upload-memory.js";
import type { UploadStorage } from "./upload-storage.js";

/** A request's body in memory, and its share of the memory of uploads. */
export class Body {
  #bytes: Buffer;
  readonly #claim: MemoryClaim;

  constructor(bytes: Buffer, claim: MemoryClaim) {
    this.#bytes = bytes;
    this.#claim = claim;
  }

  /** Empty after `replaceBy` and `release`. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /**
   * Replaces the body by what is decoded from it, which counts until `release`. Both count while `decode` runs.
   *
   * @param decodedBytes bytes that `decode` allocates
   * @throws RequestError OVERLOADED if there is no memory for them; what `decode` throws
   */
  replaceBy<Decoded>(decodedBytes: number, decode: () => Decoded): Decoded {
    this.#claim.grow(decodedBytes);
    const decoded = decode();
    this.#bytes = Buffer.alloc(0);
    this.#claim.shrinkTo(decodedBytes);
    return decoded;
  }

  /** Drops the bytes and gives the memory back. A second call does nothing. */
  release(): void {
    this.#bytes = Buffer.alloc(0);
    this.#claim.release();
  }
}

/** Stores a request's body. It settles at the body's end; a disconnect is the reader's concern. */
export async function storeBody(request: IncomingMessage, storage: UploadStorage): Promise<void> {
  request.on("data", (chunk: Buffer) => {
    storage.append(chunk);
  });
  await new Promise<void>((resolve) => {
    request.once("end", resolve);
  });
}
