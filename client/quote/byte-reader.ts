/** Reads fields of a binary structure in their order; numbers are little-endian. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many bytes were read. */
  get offset(): number {
    return this.#offset;
  }

  /** @throws RangeError where there are fewer */
  bytes(length: number): Uint8Array {
    const end = this.#offset + length;
    if (end > this.#bytes.length) {
      throw new RangeError(
        `expected ${length} bytes at ${this.#offset}, got ${this.#bytes.length - this.#offset}`,
      );
    }
    const part = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return part;
  }

  /** An unsigned number of 2 bytes. */
  uint16(): number {
    const [low = 0, high = 0] = this.bytes(2);
    return low + high * 256;
  }

  /** An unsigned number of 4 bytes. */
  uint32(): number {
    return this.uint16() + this.uint16() * 65_536;
  }

  /** @throws RangeError where bytes are left */
  end(): void {
    if (this.#offset !== this.#bytes.length) {
      throw new RangeError(
        `expected the end at ${this.#offset}, got ${this.#bytes.length - this.#offset} more bytes`,
      );
    }
  }
}
