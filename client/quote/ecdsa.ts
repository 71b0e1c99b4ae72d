import { concatBytes, equalBytes, fromHex } from "../encoding.js";
import { derTags, derUnsigned, readDerSequence, type DerElement } from "./der.js";

const p256 = { name: "ECDSA", namedCurve: "P-256" } as const;
/** AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758, section 3.2). */
const ecdsaWithSha256 = fromHex("300a06082a8648ce3d040302") ?? new Uint8Array();

/**
 * Verifies an ECDSA signature over P-256 with SHA-256.
 *
 * @param signature r and s, 32 bytes each
 * @param publicKey a point in uncompressed form without its first byte (64 bytes), or SubjectPublicKeyInfo
 * @returns false also for a key that is not on the curve or of another kind
 */
export async function isSignedBy(
  publicKey: Uint8Array,
  signature: Uint8Array,
  signed: Uint8Array,
): Promise<boolean> {
  const [format, bytes] =
    publicKey.length === 64
      ? (["raw", concatBytes(Uint8Array.of(4), publicKey)] as const)
      : (["spki", new Uint8Array(publicKey)] as const);
  try {
    const key = await crypto.subtle.importKey(format, bytes, p256, false, ["verify"]);
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    return await crypto.subtle.verify(
      algorithm,
      key,
      new Uint8Array(signature),
      new Uint8Array(signed),
    );
  } catch {
    return false;
  }
}

/**
 * Verifies the signature of a certificate or a CRL, which have one outer form: what is signed, the algorithm, the signature
 * (RFC 5280, sections 4.1 and 5.1). The only algorithm is ecdsa-with-SHA256, and every byte is either signed or fixed.
 *
 * @param der the certificate or CRL
 * @param issuerKey SubjectPublicKeyInfo
 */
export async function isSignedStructure(der: Uint8Array, issuerKey: Uint8Array): Promise<boolean> {
  try {
    const [signed, algorithm, signature, ...others] = readDerSequence(der);
    if (signed === undefined || algorithm === undefined || signature === undefined) return false;
    if (others.length > 0 || !equalBytes(algorithm.whole, ecdsaWithSha256)) return false;
    return await isSignedBy(issuerKey, readSignature(signature), signed.whole);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** ECDSA-Sig-Value in a BIT STRING (RFC 3279, section 2.2.3). */
function readSignature({ tag, content }: DerElement): Uint8Array {
  if (tag !== derTags.bitString || content[0] !== 0) throw new RangeError("expected a bit string");
  const [r, s, ...others] = readDerSequence(content.subarray(1));
  if (r === undefined || s === undefined || others.length > 0)
    throw new RangeError("expected r and s");
  return concatBytes(derUnsigned(r, 32), derUnsigned(s, 32));
}
