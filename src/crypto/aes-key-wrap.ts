import { createDecipheriv, type KeyObject } from "node:crypto";

/** The initial value of RFC 3394, section 2.2.3.1. */
const defaultIv = Buffer.alloc(8, 0xa6);
/** The alternative initial value of RFC 5649, section 3, without its length field. */
const alternativeIv = Buffer.from("a65959a6", "hex");
const semiblockBytes = 8;

/**
 * AES key unwrap with padding (RFC 5649, section 4.2).
 *
 * @param kek key-encryption key of 16, 24 or 32 bytes
 * @param wrapped at least two blocks of 8 bytes (section 4.1)
 * @returns the unwrapped key, 1 byte or more; undefined if the integrity check fails or a length is wrong
 */
export function unwrapWithPadding(kek: Uint8Array, wrapped: Uint8Array): Buffer | undefined {
  // OpenSSL refuses these lengths, too, except for an empty input, for which it reports success.
  if (wrapped.length < 2 * semiblockBytes || wrapped.length % semiblockBytes !== 0) {
    return undefined;
  }
  try {
    const decipher = createDecipheriv(`id-aes${kek.length * 8}-wrap-pad`, kek, alternativeIv);
    // In one call, because OpenSSL's cipher does not accept its input in parts.
    const key = decipher.update(wrapped);
    return key.length === 0 ? undefined : key;
  } catch {
    return undefined;
  }
}

/**
 * AES key unwrap without padding (RFC 3394, section 2.2.2) of `A256KW` (RFC 7518, section 4.4).
 *
 * @param kek key-encryption key of 32 bytes
 * @param wrapped three blocks of 8 bytes, or more
 * @returns the unwrapped key, 8 bytes shorter; undefined if the integrity check fails or the length is wrong
 */
export function unwrapA256Kw(kek: KeyObject, wrapped: Uint8Array): Buffer | undefined {
  if (wrapped.length < 3 * semiblockBytes || wrapped.length % semiblockBytes !== 0) {
    return undefined;
  }
  try {
    // In one call, because OpenSSL's cipher does not accept its input in parts.
    return createDecipheriv("id-aes256-wrap", kek, defaultIv).update(wrapped);
  } catch {
    return undefined;
  }
}
