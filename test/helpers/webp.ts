/** RFC 9649, section 2.3. */
export function chunk(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.write(type, "latin1");
  header.writeUInt32LE(body.length, 4);
  return Buffer.concat([header, body, Buffer.alloc(body.length % 2)]);
}

export function webp(...chunks: readonly Buffer[]): Buffer {
  const body = Buffer.concat(chunks);
  const header = Buffer.from("RIFF\0\0\0\0WEBP", "latin1");
  header.writeUInt32LE(4 + body.length, 4);
  return Buffer.concat([header, body]);
}

/** Section 2.7.1: flags (2: animation, 8: EXIF, 16: alpha, 32: ICC), and the canvas. */
export function vp8x(flags: number, width: number, height: number): Buffer {
  return chunk("VP8X", Buffer.concat([uint(flags, 4), uint(width - 1, 3), uint(height - 1, 3)]));
}

export interface Frame {
  /** In steps of two pixels. */
  left?: number;
  top?: number;
  width: number;
  height: number;
  /** A whole chunk. */
  picture: Buffer;
}

/** Section 2.7.1.1. */
export function anmf({ left = 0, top = 0, width, height, picture }: Frame): Buffer {
  const sides = [left, top, width - 1, height - 1, 100].map((side) => uint(side, 3));
  return chunk("ANMF", Buffer.concat([...sides, Buffer.alloc(1), picture]));
}

function uint(value: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntLE(value, 0, length);
  return bytes;
}

export interface GroupsShape {
  side: number;
  /** The number of prefix code groups, in which each code has one symbol. */
  groups: number;
  /** Base-2 logarithm of a block's side, from 2 to 9. */
  blockBits?: number;
  cacheBits?: number;
  /** With a palette of 16 colours, which puts two indices into a pixel. */
  hasPalette?: boolean;
}

/** The chunk VP8L of a square picture of one colour, whose blocks use one group after the other (RFC 9649, section 3). */
export function manyGroups(shape: GroupsShape): Buffer {
  const { side, groups, blockBits = 2, cacheBits = 0, hasPalette = false } = shape;
  const bits = new BitWriter();
  bits.put(0x2f, 8);
  bits.put(side - 1, 14);
  bits.put(side - 1, 14);
  // No alpha, version 0.
  bits.put(0, 4);
  if (hasPalette) {
    bits.put(0b111, 3);
    bits.put(15, 8);
    bits.put(0, 1);
    for (let code = 0; code < 5; code += 1) putSymbolCode(bits, 0);
  }
  // No other transform.
  bits.put(0, 1);
  bits.put(cacheBits === 0 ? 0 : 1, 1);
  if (cacheBits > 0) bits.put(cacheBits, 4);
  // An entropy image, without a colour cache: 8 bits of green, then of red.
  bits.put(1, 1);
  bits.put(blockBits - 2, 3);
  bits.put(0, 1);
  putBytesCode(bits, 24);
  putBytesCode(bits, 0);
  for (let code = 0; code < 3; code += 1) putSymbolCode(bits, 0);
  const columns = Math.ceil((hasPalette ? side / 2 : side) / 2 ** blockBits);
  const blocks = columns * Math.ceil(side / 2 ** blockBits);
  for (let block = 0; block < blocks; block += 1) {
    bits.put(reversed(block % groups), 8);
    bits.put(reversed((block % groups) >> 8), 8);
  }
  for (let code = 0; code < 5 * groups; code += 1) putSymbolCode(bits, code % 5 === 3 ? 255 : 0);
  return chunk("VP8L", bits.bytes());
}

/** Reverses a byte's bits, because codes are written with the highest bit first. */
function reversed(value: number): number {
  let result = 0;
  for (let bit = 0; bit < 8; bit += 1) result = result * 2 + ((value >> bit) & 1);
  return result;
}

/** Writes a simple code (section 3.7.2.1.1). */
function putSymbolCode(bits: BitWriter, symbol: number): void {
  bits.put(symbol < 2 ? 0b001 : 0b101, 3);
  bits.put(symbol, symbol < 2 ? 1 : 8);
}

/** Writes a code with eight bits for each of 256 symbols, and none for further symbols. */
function putBytesCode(bits: BitWriter, more: number): void {
  bits.put(0, 1);
  // The code of lengths: one bit for 8 (the twelfth in their order), and one for 18, 11 zeros or more (the second).
  bits.put(12 - 4, 4);
  for (let place = 0; place < 12; place += 1) bits.put(place === 1 || place === 11 ? 1 : 0, 3);
  bits.put(0, 1);
  for (let symbol = 0; symbol < 256; symbol += 1) bits.put(0, 1);
  if (more === 0) return;
  bits.put(1, 1);
  bits.put(more - 11, 7);
}

class BitWriter {
  readonly #bytes: number[] = [];
  #count = 0;

  put(value: number, count: number): void {
    for (let bit = 0; bit < count; bit += 1, this.#count += 1) {
      if (this.#count % 8 === 0) this.#bytes.push(0);
      const last = this.#bytes.length - 1;
      this.#bytes[last] = (this.#bytes[last] ?? 0) | (((value >> bit) & 1) << (this.#count % 8));
    }
  }

  bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }
}
