import { createCipheriv, createDecipheriv, type Decipher, type KeyObject } from "node:crypto";

/**
 * The format of `openssl enc -e -aes256 -K <64 hex digits> -iv 0`: AES-256-CBC with an IV of 16 zero bytes and PKCS#7
 * padding (RFC 5652, section 6.3), without a header. It has no authentication.
 */
const algorithm = "aes-256-cbc";
const zeroIv = Buffer.alloc(16);
const blockBytes = 16;

/**
 * A decipher for models. It checks and removes the padding; `final()` throws if it is wrong.
 *
 * @param key 32 bytes
 */
export function createModelDecipher(key: Uint8Array | KeyObject): Decipher {
  return createDecipheriv(algorithm, key, zeroIv);
}

/**
 * Decrypts an image without checking or removing the padding. If the answer depended on the padding, anybody who may
 * upload could decrypt any captured file, block by block (Vaudenay, EUROCRYPT 2002). Image decoders ignore the bytes
 * that follow a picture.
 *
 * @param key 32 bytes
 * @returns the plaintext with its padding; undefined if the length is 0 or not a multiple of 16
 */
export function decryptImage(
  key: Uint8Array | KeyObject,
  ciphertext: Uint8Array,
): Buffer | undefined {
  if (ciphertext.length === 0 || ciphertext.length % blockBytes !== 0) return undefined;
  const decipher = createDecipheriv(algorithm, key, zeroIv).setAutoPadding(false);
  const plaintext = decipher.update(ciphertext);
  // Returns no bytes: the input was whole blocks, and padding is off.
  decipher.final();
  return plaintext;
}

/**
 * Encrypts like `openssl enc` with the options above.
 *
 * @param key 32 bytes
 */
export function encryptLegacy(key: Uint8Array | KeyObject, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv(algorithm, key, zeroIv);
  return Buffer.concat([cipher.update(plaintext), cipher.final()]);
}
