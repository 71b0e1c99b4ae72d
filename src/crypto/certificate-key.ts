import { DerSequence, readDer, tags, type DerValue } from "./der.js";
import { readBitStringBytes, readUnsignedInteger } from "./der-values.js";

/** `SubjectPublicKeyInfo` (RFC 5280, section 4.1.2.7). */
export interface CertificateKey {
  /** The whole structure in DER. */
  encoded: Uint8Array;
  /** Whether the key is RSA of at least 2,048 bits, or on P-256, P-384 or P-521 by name (RFC 5480, section 2.1.1). */
  isStrong: boolean;
}

/**
 * The AlgorithmIdentifiers that CAs of the web PKI may write, as DER in hexadecimal (CA/Browser Forum, Baseline
 * Requirements, section 7.1.3.1), with the length of a curve's coordinates in bytes. Curves with explicit parameters
 * (CVE-2020-0601), and RSA without NULL, are not among them.
 */
const rsa = "300d06092a864886f70d0101010500";
const coordinateBytes: Readonly<Record<string, number>> = {
  "301306072a8648ce3d020106082a8648ce3d030107": 32,
  "301006072a8648ce3d020106052b81040022": 48,
  "301006072a8648ce3d020106052b81040023": 66,
};
const uncompressed = 0x04;
const leastRsaBits = 2048;
/** FIPS 186-5, section A.1.1: an odd exponent between 2^16 and 2^256. */
const exponents = { above: 2n ** 16n, below: 2n ** 256n };

/**
 * Reads a public key. One of another algorithm or curve is returned as not strong.
 *
 * @throws Error for a key that is not encoded as its algorithm's specification says
 */
export function readCertificateKey(value: DerValue): CertificateKey {
  const parts = new DerSequence(value);
  const algorithm = Buffer.from(parts.take(tags.sequence).whole).toString("hex");
  const key = readBitStringBytes(parts.take(tags.bitString));
  parts.end();
  const encoded = value.whole;
  if (algorithm === rsa) return { encoded, isStrong: isStrongRsa(key) };
  const size = coordinateBytes[algorithm];
  if (size === undefined) return { encoded, isStrong: false };
  // RFC 5480, section 2.2: OpenSSL reads X9.62's hybrid form as well.
  if (key[0] !== uncompressed || key.length !== 1 + 2 * size) {
    throw new Error("a point of a curve that is not in the uncompressed form");
  }
  return { encoded, isStrong: true };
}

/** `RSAPublicKey` (RFC 8017, section A.1.1). */
function isStrongRsa(key: Uint8Array): boolean {
  const parts = new DerSequence(readDer(key, tags.sequence));
  const modulus = readUnsignedInteger(parts.take(tags.integer));
  const exponent = readUnsignedInteger(parts.take(tags.integer));
  parts.end();
  const isUsual = exponent % 2n === 1n && exponent > exponents.above && exponent < exponents.below;
  return isUsual && modulus.toString(2).length >= leastRsaBits;
}
