import { createCipheriv, createDecipheriv, type Decipher, type KeyObject } from "node:crypto";

/**
 * The format that `openssl enc -e -aes256 -K <64 hex digits> -iv 0` writes: AES-256-CBC with an IV of
 * 16 zero bytes and PKCS#7 padding (RFC 5652, section 6.3), without a header. It authenticates
 * nothing.
 */
const algorithm = "aes-256-cbc";
const zeroIv = Buffer.alloc(16);
const blockBytes = 16;

/**
 * For models: the padding is checked and taken off, `final()` throws where it is wrong.
 *
 * @param key 32 bytes
 */
export function createModelDecipher(key: Uint8Array | KeyObject): Decipher {
  return createDecipheriv(algorithm, key, zeroIv);
}

/**
 * For images: the padding is neither looked at nor taken off. An answer that depended on it would
 * decrypt any captured file, block by block, for whoever may upload (Vaudenay, EUROCRYPT 2002); image
 * decoders ignore the bytes that follow a picture.
 *
 * @param key 32 bytes
 * @returns the plaintext with its padding, or undefined where the length is no multiple of a block
 */
export function decryptImage(
  key: Uint8Array | KeyObject,
  ciphertext: Uint8Array,
): Buffer | undefined {
  if (ciphertext.length === 0 || ciphertext.length % blockBytes !== 0) return undefined;
  const decipher = createDecipheriv(algorithm, key, zeroIv).setAutoPadding(false);
  const plaintext = decipher.update(ciphertext);
  // Whole blocks without padding: nothing is left.
  decipher.final();
  return plaintext;
}

/** What `openssl enc` writes, for those who have no openssl at hand. */
export function encryptLegacy(key: Uint8Array | KeyObject, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv(algorithm, key, zeroIv);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}
