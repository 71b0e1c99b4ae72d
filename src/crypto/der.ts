/** One value of DER (ITU-T X.690): its tag's byte, what is in it, and the whole of it. */
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
  sequence: 0x30,
} as const;

/** The tag of a constructed `[number]`. */
export function contextTag(number: number): number {
  return 0xa0 | number;
}

const mostLengthBytes = 4;

/**
 * Reads exactly one value: what follows it is an error, as is every encoding that DER does not allow.
 *
 * @throws Error
 */
export function readDer(bytes: Uint8Array, tag: number): DerValue {
  const [value, ...others] = readAllDer(bytes);
  if (value === undefined || others.length > 0) throw new Error("not exactly one DER value");
  return expectTag(value, tag);
}

/** Reads the values that stand one after the other, such as a sequence's. */
export function readAllDer(bytes: Uint8Array): DerValue[] {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length;) {
    const value = readAt(bytes, at);
    values.push(value);
    at += value.whole.length;
  }
  return values;
}

export function expectTag(value: DerValue | undefined, tag: number): DerValue {
  if (value?.tag === tag) return value;
  throw new Error(`a DER value of tag ${value?.tag ?? "none"} in place of ${tag}`);
}

/** `1.2.840.…` */
export function readObjectIdentifier({ content }: DerValue): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const [index, byte] of content.entries()) {
    if (arc === 0 && byte === 0x80) throw new Error("an object identifier with leading zeros");
    if (arc > 2 ** 40) throw new Error("an object identifier with an enormous arc");
    arc = arc * 128 + (byte & 0x7f);
    if ((byte & 0x80) !== 0) {
      if (index === content.length - 1) throw new Error("an object identifier without an end");
      continue;
    }
    arcs.push(arc);
    arc = 0;
  }
  const [first = 0, ...rest] = arcs;
  // X.690, section 8.19.4: the first two arcs in one number.
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join(".");
}

export function readBoolean({ content }: DerValue): boolean {
  const [byte] = content;
  if (content.length !== 1 || (byte !== 0x00 && byte !== 0xff)) throw new Error("no DER boolean");
  return byte === 0xff;
}

/** A small number that is not negative. */
export function readSmallInteger({ content }: DerValue): number {
  const [byte] = content;
  if (content.length === 1 && byte !== undefined && byte < 0x80) return byte;
  throw new Error("an integer that is not from 0 to 127");
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
