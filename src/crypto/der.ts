/** One value in DER (ITU-T X.690): the byte of its tag, its content, and its whole encoding. */
export interface DerValue {
  tag: number;
  content: Uint8Array;
  whole: Uint8Array;
}

/** Tags that X.509 uses. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** The tag of a constructed `[number]`. */
export function contextTag(number: number): number {
  return 0xa0 | number;
}

const mostLengthBytes = 4;

/**
 * Reads exactly one value.
 *
 * @throws Error for another tag, for trailing bytes, and for an encoding that DER does not allow
 */
export function readDer(bytes: Uint8Array, tag: number): DerValue {
  const [value, ...others] = readAllDer(bytes);
  if (value === undefined || others.length > 0) throw new Error("not exactly one DER value");
  return expectTag(value, tag);
}

/** Reads all values of a concatenation, such as a sequence's content. @throws Error for malformed DER */
export function readAllDer(bytes: Uint8Array): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const value = readAt(bytes, at);
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

/** Reads `SEQUENCE SIZE (1..MAX) OF`. @throws Error if it has no values */
export function readSequenceOf(bytes: Uint8Array, tag: number = tags.sequence): DerValue[] {
  const values = readAllDer(readDer(bytes, tag).content);
  if (values.length === 0) throw new Error("an empty list where at least one value has to be");
  return values;
}

/** Reads the fields of a sequence in order. Each method throws an Error if the next field is not the expected one. */
export class DerSequence {
  readonly #values: DerValue[];

  constructor(sequence: DerValue | undefined) {
    this.#values = readAllDer(expectTag(sequence, tags.sequence).content);
  }

  /** Reads the next field, which must have this tag. */
  take(tag: number): DerValue {
    return expectTag(this.#values.shift(), tag);
  }

  /** Reads the next field, of any tag. */
  takeAny(): DerValue {
    const value = this.#values.shift();
    if (value === undefined) throw new Error("a DER sequence that is too short");
    return value;
  }

  /** Reads the next field if it has this tag. @returns undefined for another tag, or at the end */
  takeOptional(tag: number): DerValue | undefined {
    return this.#values[0]?.tag === tag ? this.#values.shift() : undefined;
  }

  /** Checks that no field is left. */
  end(): void {
    const [left] = this.#values;
    if (left !== undefined) throw new Error(`a DER value of tag ${left.tag} that does not belong`);
  }
}

/** Checks a value's tag. @throws Error for another tag, or no value */
export function expectTag(value: DerValue | undefined, tag: number): DerValue {
  if (value?.tag === tag) return value;
  throw new Error(`a DER value of tag ${value?.tag ?? "none"} in place of ${tag}`);
}

function readAt(bytes: Uint8Array, start: number): DerValue {
  let at = start;
  const next = (): number => {
    const byte = bytes[at];
    if (byte === undefined) throw new Error("a DER value that is cut off");
    at += 1;
    return byte;
  };
  const tag = next();
  if ((tag & 0x1f) === 0x1f) throw new Error("a DER tag of several bytes");
  let length = next();
  if (length >= 0x80) {
    const count = length & 0x7f;
    if (count === 0 || count > mostLengthBytes) throw new Error("a DER length of no use");
    length = 0;
    for (let index = 0; index < count; index += 1) length = length * 256 + next();
    if (length < 0x80 || length < 256 ** (count - 1)) throw new Error("a DER length too long");
  }
  const end = at + length;
  if (end > bytes.length) throw new Error("a DER value that is cut off");
  return { tag, content: bytes.subarray(at, end), whole: bytes.subarray(start, end) };
}
