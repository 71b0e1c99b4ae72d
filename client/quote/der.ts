/** An element of DER (ITU-T X.690, sections 8 and 10). */
export interface DerElement {
  tag: number;
  content: Uint8Array;
  /** Tag, length and content. */
  whole: Uint8Array;
}

export const derTags = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  enumerated: 0x0a,
  sequence: 0x30,
} as const;

/**
 * Reads the elements of a constructed element's content.
 *
 * @throws RangeError for a length that is not minimal or too large, and for tags of more than one byte
 */
export function readDer(bytes: Uint8Array): DerElement[] {
  const elements: DerElement[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const element = readElement(bytes.subarray(offset));
    elements.push(element);
    offset += element.whole.length;
  }
  return elements;
}

/** Reads the elements of a sequence which is all there is. @throws RangeError for anything else */
export function readDerSequence(bytes: Uint8Array): DerElement[] {
  const [sequence, ...others] = readDer(bytes);
  if (sequence?.tag !== derTags.sequence || others.length > 0) {
    throw new RangeError("expected one DER sequence");
  }
  return readDer(sequence.content);
}

function readElement(bytes: Uint8Array): DerElement {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) {
    throw new RangeError("expected a DER element");
  }
  const lengthBytes = first < 0x80 ? 0 : first - 0x80;
  const digits = bytes.subarray(2, 2 + lengthBytes);
  const length = lengthBytes === 0 ? first : digits.reduce((value, byte) => value * 256 + byte, 0);
  const isMinimal = lengthBytes === 0 || (digits[0] !== 0 && length >= 0x80);
  const end = 2 + lengthBytes + length;
  if (first === 0x80 || lengthBytes > 3 || !isMinimal || end > bytes.length) {
    throw new RangeError("expected a DER length");
  }
  return { tag, content: bytes.subarray(2 + lengthBytes, end), whole: bytes.subarray(0, end) };
}

/** An unsigned INTEGER or ENUMERATED of at most 4 bytes. @throws RangeError for any other element */
export function derNumber({ tag, content }: DerElement): number {
  const [first = 0x80] = content;
  const isNumber = tag === derTags.integer || tag === derTags.enumerated;
  if (!isNumber || first >= 0x80 || content.length > 4)
    throw new RangeError("expected a DER number");
  return content.reduce((value, byte) => value * 256 + byte, 0);
}

/**
 * A positive INTEGER, in a number of bytes: what an ECDSA signature holds two of (RFC 3279, section 2.2.3).
 *
 * @throws RangeError for any other element, and one that is too large
 */
export function derUnsigned({ tag, content }: DerElement, length: number): Uint8Array {
  const [first = 0x80, second = 0] = content;
  const digits = first === 0 ? content.subarray(1) : content;
  const isMinimal = first < 0x80 && (first !== 0 || second >= 0x80);
  if (tag !== derTags.integer || !isMinimal || digits.length > length) {
    throw new RangeError(`expected a positive DER integer of at most ${length} bytes`);
  }
  const padded = new Uint8Array(length);
  padded.set(digits, length - digits.length);
  return padded;
}

/** The dotted form of an OBJECT IDENTIFIER (X.690, section 8.19). @throws RangeError for any other element */
export function derOid({ tag, content }: DerElement): string {
  const numbers: number[] = [];
  let value = 0;
  for (const byte of content) {
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(value);
      value = 0;
    }
  }
  const [first] = numbers;
  if (tag !== derTags.oid || first === undefined || (content.at(-1) ?? 0x80) >= 0x80) {
    throw new RangeError("expected an object identifier");
  }
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...numbers.slice(1)].join(".");
}
