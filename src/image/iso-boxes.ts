import { notWhole, unlikePillow } from "./decode-failure.js";

/** A box of the ISO base media file format (ISO/IEC 14496-12, 4.2). */
export interface Box {
  /** Four characters. */
  type: string;
  /** The whole box. */
  bytes: Buffer;
  /** The box without its size and type. */
  body: Buffer;
}

/** Most boxes in one container. A collection of pictures has several for each item. */
const mostBoxes = 10_000;

/**
 * Iterates over the boxes of a container (ISO/IEC 14496-12, 4.2): size, type, and a size of 64 bits if the first is 1. A
 * box of size 0 extends to the end.
 *
 * @param bytes the container's body
 * @throws ImageError IMAGE_UNSUPPORTED for a box that exceeds its container, or more than `mostBoxes`
 */
export function* boxesIn(bytes: Buffer): Generator<Box> {
  let count = 0;
  for (let at = 0; at < bytes.length;) {
    count += 1;
    if (count > mostBoxes) throw unlikePillow(`an AVIF of more than ${mostBoxes} boxes`);
    const fields = new Fields(bytes.subarray(at));
    const short = fields.uint(4);
    const type = fields.text(4);
    const size = short === 1 ? fields.uint(8) : short === 0 ? bytes.length - at : short;
    if (size < fields.at || size > bytes.length - at) throw notWhole("a box within its container");
    const box = bytes.subarray(at, at + size);
    yield { type, bytes: box, body: box.subarray(fields.at) };
    at += size;
  }
}

/** Reads a box's fields in order. Reading beyond the end throws an ImageError IMAGE_UNSUPPORTED. */
export class Fields {
  /** Offset of the next field. */
  at = 0;
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /**
   * Reads an unsigned big-endian number.
   *
   * @param length in bytes; 0 gives 0
   * @returns the number, rounded beyond 2^53
   */
  uint(length: number): number {
    const start = this.at;
    this.skip(length);
    let value = 0;
    for (let at = start; at < this.at; at += 1) value = value * 256 + (this.#bytes[at] ?? 0);
    return value;
  }

  /**
   * Reads a string in Latin-1.
   *
   * @param length in bytes
   */
  text(length: number): string {
    const start = this.at;
    this.skip(length);
    return this.#bytes.toString("latin1", start, this.at);
  }

  /** Reads the version of a full box, and skips its flags (ISO/IEC 14496-12, 4.2). */
  version(): number {
    return Math.floor(this.uint(4) / 2 ** 24);
  }

  /**
   * Skips bytes.
   *
   * @throws ImageError IMAGE_UNSUPPORTED if fewer are left
   */
  skip(length: number): void {
    if (length > this.#bytes.length - this.at) throw notWhole("a field within its box");
    this.at += length;
  }
}
