import type { DerValue } from "./der.js";

/**
 * Reads an OBJECT IDENTIFIER.
 *
 * @returns its arcs in decimal, separated by dots
 * @throws Error for an encoding that DER does not allow
 */
export function readObjectIdentifier({ content }: DerValue): string {
  if (content.length === 0) throw new Error("an object identifier of no bytes");
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

/** Reads a boolean (X.690, section 11.1). @throws Error for any encoding but 0x00 and 0xff */
export function readBoolean({ content }: DerValue): boolean {
  const [byte] = content;
  if (content.length !== 1 || (byte !== 0x00 && byte !== 0xff)) throw new Error("no DER boolean");
  return byte === 0xff;
}

/** Reads `BOOLEAN DEFAULT FALSE`. @throws Error for an encoded FALSE: DER omits the default (X.690, section 11.5) */
export function readFlag(value: DerValue | undefined): boolean {
  if (value === undefined) return false;
  if (!readBoolean(value)) throw new Error("a default value that is written");
  return true;
}

/**
 * Reads an integer of any length.
 *
 * @returns its two's complement, most significant byte first
 * @throws Error unless it has as few bytes as possible (X.690, section 8.3.2)
 */
export function readInteger({ content }: DerValue): Uint8Array {
  const [first, second] = content;
  if (first === undefined) throw new Error("an integer of no bytes");
  if (second === undefined) return content;
  const isPadded = (first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80);
  if (isPadded) throw new Error("an integer with more bytes than it takes");
  return content;
}

/** Reads a non-negative integer of one byte. @throws Error for any other */
export function readSmallInteger({ content }: DerValue): number {
  const [byte] = content;
  if (content.length === 1 && byte !== undefined && byte < 0x80) return byte;
  throw new Error("an integer that is not from 0 to 127");
}

/** Reads a non-negative integer of any length. @throws Error for a negative one */
export function readUnsignedInteger(value: DerValue): bigint {
  const bytes = readInteger(value);
  if ((bytes[0] ?? 0) >= 0x80) throw new Error("an integer that is negative");
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}

/** The value of a BIT STRING. */
export interface BitString {
  bytes: Uint8Array;
  /** Number of unused bits at the end of the last byte; all are 0 (X.690, section 11.2.1). */
  unusedBits: number;
}

/** Reads a bit string (X.690, section 8.6). @throws Error for more than 7 unused bits, or unused bits that are not 0 */
export function readBitString({ content }: DerValue): BitString {
  const [unusedBits] = content;
  const bytes = content.subarray(1);
  const last = bytes.at(-1);
  if (unusedBits === undefined || unusedBits > 7 || (last === undefined && unusedBits > 0)) {
    throw new Error("a bit string of no length");
  }
  if (((last ?? 0) & ((1 << unusedBits) - 1)) !== 0) {
    throw new Error("a bit string with bits beyond its end");
  }
  return { bytes, unusedBits };
}

/** Reads a bit string. @throws Error if it does not consist of whole bytes */
export function readBitStringBytes(value: DerValue): Uint8Array {
  const { bytes, unusedBits } = readBitString(value);
  if (unusedBits > 0) throw new Error("a bit string that is not of whole bytes");
  return bytes;
}
