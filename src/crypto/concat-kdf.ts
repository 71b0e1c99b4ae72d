import { createHash } from "node:crypto";

export interface KdfContext {
  /** `alg` of the header where the key wraps another one, `enc` where it encrypts the content. */
  algorithmId: string;
  /** Decoded `apu` and `apv` of the header; empty where it has none. */
  partyU?: Uint8Array;
  partyV?: Uint8Array;
  /** Bits of the derived key, at most 256. */
  keyBits: number;
}

/**
 * The Concat KDF with SHA-256 of JWA (RFC 7518, section 4.6.2; NIST SP 800-56A, section 5.8.1), in one round.
 *
 * @param sharedSecret Z, the ECDH result
 * @returns the derived key, which the caller wipes
 */
export function concatKdf(
  sharedSecret: Uint8Array,
  { algorithmId, partyU = new Uint8Array(), partyV = new Uint8Array(), keyBits }: KdfContext,
): Buffer {
  const digest = createHash("sha256").update(uint32(1)).update(sharedSecret);
  for (const part of [Buffer.from(algorithmId), partyU, partyV]) {
    digest.update(uint32(part.length)).update(part);
  }
  const derived = digest.update(uint32(keyBits)).digest();
  return derived.subarray(0, keyBits / 8);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
