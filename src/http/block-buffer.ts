const smallestBlockBytes = 1024;
const largestBlockBytes = 262_144;

/**
 * Collects an unknown number of bytes in blocks. The first block has 1 KiB, each further one as many bytes as are stored
 * already, at most 256 KiB. So the memory is at most twice the stored bytes, however small the chunks are; a list of
 * chunks would take hundreds of bytes for each chunk of one byte.
 */
export class BlockBuffer {
  readonly #onGrow: (bytes: number) => void;
  #blocks: Buffer[] = [];
  #length = 0;
  /** Unused bytes of the last block. */
  #free = 0;

  /** @param onGrow called with a block's size in bytes before it is allocated; if it throws, so does `append` */
  constructor(onGrow: (bytes: number) => void) {
    this.#onGrow = onGrow;
  }

  /** Number of stored bytes. */
  get length(): number {
    return this.#length;
  }

  /** Copies a chunk to the end. @throws what `onGrow` throws */
  append(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.length > 0) {
      const block = this.#lastBlock();
      const part = rest.subarray(0, this.#free);
      block.set(part, block.length - this.#free);
      this.#free -= part.length;
      this.#length += part.length;
      rest = rest.subarray(part.length);
    }
  }

  /** Empties this buffer. @returns all bytes in one new buffer; during the copy both are in memory */
  take(): Buffer {
    const whole = Buffer.concat(this.#blocks, this.#length);
    this.clear();
    return whole;
  }

  /** Drops all bytes. */
  clear(): void {
    this.#blocks = [];
    this.#length = 0;
    this.#free = 0;
  }

  #lastBlock(): Buffer {
    const last = this.#blocks.at(-1);
    if (last !== undefined && this.#free > 0) return last;
    const bytes = Math.min(Math.max(this.#length, smallestBlockBytes), largestBlockBytes);
    this.#onGrow(bytes);
    const block = Buffer.allocUnsafeSlow(bytes);
    this.#blocks.push(block);
    this.#free = bytes;
    return block;
  }
}
