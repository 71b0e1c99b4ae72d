import { constants, privateDecrypt, type KeyObject } from "node:crypto";

export type OaepHash = "sha1" | "sha256" | "sha384";

/**
 * RSAES-OAEP decryption (RFC 8017, section 7.1.2) with an empty label, the same hash in OAEP and MGF1.
 *
 * @param ciphertext as long as the key's modulus
 * @returns the plaintext; undefined for every failure, so that callers cannot tell one reason from another
 */
export function decryptOaep(
  privateKey: KeyObject,
  hash: OaepHash,
  ciphertext: Uint8Array,
): Buffer | undefined {
  if (ciphertext.length !== modulusBytes(privateKey)) return undefined;
  try {
    return privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash },
      ciphertext,
    );
  } catch {
    return undefined;
  }
}

/** @returns the length of an RSA key's modulus in bytes; 0 for a key of another type */
export function modulusBytes(key: KeyObject): number {
  return Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
}
