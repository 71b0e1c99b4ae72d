/**
 * Protocol Buffers' encoding: what a message's bytes are, whatever its fields mean. Content is never
 * copied: a model's weights are most of its bytes.
 *
 * https://protobuf.dev/programming-guides/encoding/
 */

export const wireTypes = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const;

/** One field of a message, as it stands there. */
export interface Field {
  number: number;
  wireType: number;
  /** A varint's value as a signed number of 64 bits, rounded beyond 2^53. 0 for the other types. */
  value: number;
  /** Of a length-delimited or fixed field; empty for a varint. */
  content: Uint8Array;
  /** The whole field, tag included. */
  encoded: Uint8Array;
}

/** Readers differ on longer tags: Protocol Buffers' C++ drops their high bits and sees another field. */
const maxTag = 0xffff_ffff;
const nothing = new Uint8Array(0);

/** @throws RangeError for bytes that are no Protocol Buffers message */
export function* readFields(message: Uint8Array): Generator<Field> {
  const reader = new Reader(message);
  while (!reader.atEnd) {
    const start = reader.at;
    const tag = reader.varint();
    if (tag < 0 || tag > maxTag) throw new RangeError("a field's number too high");
    const number = Math.floor(tag / 8);
    // Protocol Buffers' C++ takes it for the end of the message, and so would not see what follows.
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
 * Varints one after the other, as packed repeated fields hold them.
 *
 * @throws RangeError for bytes that are none
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

/** Negative numbers take all of 64 bits: their low ones are lost in a sum of floating point. */
function exact(bytes: Uint8Array): number {
  const value = bytes.reduceRight((sum, byte) => (sum << 7n) | BigInt(byte & 0x7f), 0n);
  return Number(BigInt.asIntN(64, value));
}

/** A message that is being written: pieces that are joined once, at the end. */
export class Message {
  readonly #pieces: Uint8Array[] = [];
  length = 0;

  /** @param value an integer that a double holds exactly */
  number(field: number, value: number): this {
    return this.#tag(field, wireTypes.varint).raw(varint(value));
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  float(field: number, value: number): this {
    const content = Buffer.alloc(4);
    content.writeFloatLE(value);
    return this.#tag(field, wireTypes.fixed32).raw(content);
  }

  bytes(field: number, content: Uint8Array): this {
    return this.#header(field, content.length).raw(content);
  }

  message(field: number, content: Message): this {
    this.#header(field, content.length);
    for (const piece of content.#pieces) this.raw(piece);
    return this;
  }

  /** What is encoded already. */
  raw(encoded: Uint8Array): this {
    this.#pieces.push(encoded);
    this.length += encoded.length;
    return this;
  }

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
  // A negative number is written as its two's complement of 64 bits.
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn);
    if (rest < 0x80n) return Uint8Array.from([...bytes, low]);
    bytes.push(low | 0x80);
  }
}
