/**
 * Protocol Buffers' encoding, independent of any schema. Reading never copies content, because weights are most of a
 * model's bytes.
 *
 * https://protobuf.dev/programming-guides/encoding/
 */

export const wireTypes = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

/** One field of a message, as it was read. The arrays are views of the message. */
export interface Field {
  number: number;
  wireType: number;
  /** A varint's value as a signed 64-bit number, rounded beyond 2^53; 0 for other wire types. */
  value: number;
  /** Bytes of a length-delimited or fixed-size field; empty for a varint. */
  content: Uint8Array;
  /** The whole field, tag included. */
  encoded: Uint8Array;
}

/**
 * Largest tag that is accepted. Protocol Buffers' C++ reader drops the high bits of larger ones, and so reads another
 * field number than this reader would.
 */
const maxTag = 0xffff_ffff;
const nothing = new Uint8Array(0);

/**
 * Iterates over a message's fields, in the order of its bytes.
 *
 * @throws RangeError for bytes that are not a Protocol Buffers message
 */
export function* readFields(message: Uint8Array): Generator<Field> {
  const reader = new Reader(message);
  while (!reader.atEnd) {
    const start = reader.at;
    const tag = reader.varint();
    if (tag < 0 || tag > maxTag) throw new RangeError("a field's number too high");
    const number = Math.floor(tag / 8);
    // Protocol Buffers' C++ reader ends the message at field number 0, and ignores what follows.
    if (number === 0) throw new RangeError("a field without a number");
    const wireType = tag % 8;
    let value = 0;
    let content: Uint8Array = nothing;
    if (wireType === wireTypes.length) content = reader.bytes(reader.varint());
    else if (wireType === wireTypes.varint) value = reader.varint();
    else if (wireType === wireTypes.fixed64) content = reader.bytes(8);
    else if (wireType === wireTypes.fixed32) content = reader.bytes(4);
    else throw new RangeError(`unknown wire type ${wireType}`);
    yield { number, wireType, value, content, encoded: message.subarray(start, reader.at) };
  }
}

/**
 * Reads a packed repeated field of varints.
 *
 * @param content the field's content, without tag and length
 * @returns the values as signed 64-bit numbers, rounded beyond 2^53
 * @throws RangeError for a truncated or overlong varint
 */
export function readPackedVarints(content: Uint8Array): number[] {
  const reader = new Reader(content);
  const values: number[] = [];
  while (!reader.atEnd) values.push(reader.varint());
  return values;
}

class Reader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  varint(): number {
    const start = this.at;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.at];
      if (byte === undefined) throw new RangeError("a number cut short");
      this.at += 1;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return shift < 49 ? value : exact(this.#bytes.subarray(start, this.at));
    }
    throw new RangeError("a number too long");
  }

  bytes(length: number): Uint8Array {
    const end = this.at + length;
    if (length < 0 || end > this.#bytes.length) throw new RangeError("a field cut short");
    const content = this.#bytes.subarray(this.at, end);
    this.at = end;
    return content;
  }
}

/** Decodes a long varint exactly: a floating-point sum would lose the low bits of a negative number. */
function exact(bytes: Uint8Array): number {
  const value = bytes.reduceRight((sum, byte) => (sum << 7n) | BigInt(byte & 0x7f), 0n);
  return Number(BigInt.asIntN(64, value));
}

/** Builds a message. Each method appends one field; content is copied once, in `encode`. */
export class Message {
  readonly #pieces: Uint8Array[] = [];
  length = 0;

  /**
   * Appends a varint.
   *
   * @param value an integer that a double represents exactly; negative ones take ten bytes
   */
  number(field: number, value: number): this {
    return this.#tag(field, wireTypes.varint).raw(varint(value));
  }

  /** Appends a string, in UTF-8. */
  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  /** Appends a float of 32 bits. */
  float(field: number, value: number): this {
    const content = Buffer.alloc(4);
    content.writeFloatLE(value);
    return this.#tag(field, wireTypes.fixed32).raw(content);
  }

  /** Appends bytes, which must not change before `encode`. */
  bytes(field: number, content: Uint8Array): this {
    return this.#header(field, content.length).raw(content);
  }

  /** Appends an embedded message. */
  message(field: number, content: Message): this {
    this.#header(field, content.length);
    for (const piece of content.#pieces) this.raw(piece);
    return this;
  }

  /** Appends fields that are already encoded. */
  raw(encoded: Uint8Array): this {
    this.#pieces.push(encoded);
    this.length += encoded.length;
    return this;
  }

  /** @returns the message's bytes, in new memory */
  encode(): Uint8Array {
    return Buffer.concat(this.#pieces, this.length);
  }

  #header(field: number, length: number): this {
    return this.#tag(field, wireTypes.length).raw(varint(length));
  }

  #tag(field: number, wireType: number): this {
    return this.raw(varint(field * 8 + wireType));
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  // A negative number is written as its 64-bit two's complement.
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    if (rest < 0x80n) return Uint8Array.from([...bytes, low]);
    bytes.push(low | 0x80);
  }
}
