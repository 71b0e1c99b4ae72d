const smallestBlockBytes = 1024;
const largestBlockBytes = 262_144;

/**
 * Bytes of unknown number, copied into blocks: 1 KiB at first, then as much as there is already, up to 256 KiB. So
 * its memory is at most twice what has arrived, however small the pieces; kept as they come, pieces of one byte
 * would cost hundreds each.
 */
export class BlockBuffer {
  readonly #onGrow: (bytes: number) => void;
  #blocks: Buffer[] = [];
  #length = 0;
  /** Bytes of the last block that are not used yet. */
  #free = 0;

  /** @param onGrow called before a block of so many bytes is allocated; what it throws, `append` throws */
  constructor(onGrow: (bytes: number) => void) {
    this.#onGrow = onGrow;
  }

  get length(): number {
    return this.#length;
  }

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

  /** @returns all bytes in one piece; nothing is left here. For a moment both are in memory. */
  take(): Buffer {
    const whole = Buffer.concat(this.#blocks, this.#length);
    this.clear();
    return whole;
  }

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
