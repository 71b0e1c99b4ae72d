import { notWhole } from "./decode-failure.js";

/** Reads numbers from a bit stream, lowest bits first (RFC 9649, section 3.3). */
export class Vp8lBits {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /**
   * Reads an unsigned number.
   *
   * @param count number of bits, at most 24
   * @throws ImageError IMAGE_UNSUPPORTED at the end of the data
   */
  read(count: number): number {
    const bytes = this.#bytes;
    const first = this.#at >>> 3;
    const shift = this.#at & 7;
    this.#at += count;
    if (this.#at > bytes.length * 8) throw notWhole("a lossless picture of more bytes");
    const word =
      (bytes[first] ?? 0) |
      ((bytes[first + 1] ?? 0) << 8) |
      ((bytes[first + 2] ?? 0) << 16) |
      ((bytes[first + 3] ?? 0) << 24);
    return (word >>> shift) & (2 ** count - 1);
  }
}

const longestCode = 15;
/** Section 3.7.2.1: the order in which the code lengths of the code length code are written. */
const lengthOrder = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/** Section 3.7.2.1: symbols 16 to 18 repeat the last nonzero length, or zero, `least` + extra bits times. */
const repeats = [
  { isZero: false, least: 3, extraBits: 2 },
  { isZero: true, least: 3, extraBits: 3 },
  { isZero: true, least: 11, extraBits: 7 },
] as const;

/** A canonical prefix code (RFC 9649, section 3.7.2.1). */
export class PrefixCode {
  /** Number of codes of each length. */
  readonly #counts = new Uint16Array(longestCode + 1);
  /** Sorted by code length, then by value. */
  readonly #symbols: Uint16Array;

  /**
   * Reads the code lengths from the stream and builds the code.
   *
   * @param size number of symbols in the alphabet; or the code lengths themselves, if they are known
   * @throws ImageError IMAGE_UNSUPPORTED for an incomplete code
   */
  constructor(bits: Vp8lBits, size: number | readonly number[]) {
    const lengths = typeof size === "number" ? readLengths(bits, size) : size;
    for (const length of lengths) this.#counts[length] = (this.#counts[length] ?? 0) + 1;
    this.#counts[0] = 0;
    const starts = [0, 0];
    let room = 1;
    for (let length = 1; length <= longestCode; length += 1) {
      const count = this.#counts[length] ?? 0;
      starts.push((starts[length] ?? 0) + count);
      room = room * 2 - count;
    }
    const total = starts[longestCode + 1] ?? 0;
    // A code of a single symbol has length 0.
    if (total === 0 || (total > 1 && room !== 0)) throw notWhole("a complete prefix code");
    this.#symbols = new Uint16Array(total);
    lengths.forEach((length, symbol) => {
      const place = starts[length] ?? 0;
      if (length === 0) return;
      this.#symbols[place] = symbol;
      starts[length] = place + 1;
    });
  }

  /** @returns the next symbol, from 0 */
  read(bits: Vp8lBits): number {
    if (this.#symbols.length === 1) return this.#symbols[0] ?? 0;
    let [code, first, index] = [0, 0, 0];
    for (let length = 1; length <= longestCode; length += 1) {
      code += bits.read(1);
      const count = this.#counts[length] ?? 0;
      if (code - first < count) return this.#symbols[index + code - first] ?? 0;
      index += count;
      first = (first + count) * 2;
      code *= 2;
    }
    throw notWhole("a code of at most 15 bits");
  }
}

function readLengths(bits: Vp8lBits, size: number): number[] {
  const lengths = new Array<number>(size).fill(0);
  if (bits.read(1) === 1) {
    // A simple code: one or two symbols, of which the first is written in one bit or in eight.
    const symbols = bits.read(1) + 1;
    const first = bits.read(bits.read(1) === 0 ? 1 : 8);
    const all = symbols === 1 ? [first] : [first, bits.read(8)];
    for (const symbol of all) {
      if (symbol >= size) throw notWhole("a symbol of the alphabet");
      lengths[symbol] = 1;
    }
    return lengths;
  }
  const ofLengths = new Array<number>(lengthOrder.length).fill(0);
  const written = 4 + bits.read(4);
  for (const symbol of lengthOrder.slice(0, written)) ofLengths[symbol] = bits.read(3);
  const code = new PrefixCode(bits, ofLengths);
  // The number of lengths and repetitions that are written; by default, those of the whole alphabet.
  let left = bits.read(1) === 0 ? size : 2 + bits.read(2 + 2 * bits.read(3));
  if (left > size) throw notWhole("no more lengths than symbols");
  let last = 8;
  for (let symbol = 0; symbol < size && left > 0; left -= 1) {
    const length = code.read(bits);
    const repeat = repeats[length - 16];
    if (repeat === undefined) {
      lengths[symbol] = length;
      symbol += 1;
      if (length !== 0) last = length;
      continue;
    }
    const end = symbol + repeat.least + bits.read(repeat.extraBits);
    if (end > size) throw notWhole("no more lengths than symbols");
    lengths.fill(repeat.isZero ? 0 : last, symbol, end);
    symbol = end;
  }
  return lengths;
}
