import { constants, createDecipheriv, privateDecrypt, type KeyObject } from "node:crypto";

/**
 * Azure's names for "an AES key wraps the secret, RSA-OAEP wraps the AES key" (PKCS #11's
 * CKM_RSA_AES_KEY_WRAP), by the hash of the OAEP step.
 */
const oaepHashes = {
  CKM_RSA_AES_KEY_WRAP: "sha1",
  RSA_AES_KEY_WRAP_256: "sha256",
  RSA_AES_KEY_WRAP_384: "sha384",
} as const;

export type KeyWrapAlgorithm = keyof typeof oaepHashes;

/** The alternative initial value of RFC 5649, section 3, without its length field. */
const kwpIv = Buffer.from("a65959a6", "hex");
const kekBytes = 32;

/**
 * Opens `RSA-OAEP(KEK) ‖ AES-KWP(KEK, secret)`: RSA-OAEP after RFC 8017, section 7.1; AES key wrap
 * with padding after RFC 5649.
 *
 * @param secretBytes how long the secret has to be; it fixes the length of the whole.
 * @returns the secret, or undefined for anything that does not open: why is nobody's business.
 */
export function unwrapKey(
  algorithm: KeyWrapAlgorithm,
  privateKey: KeyObject,
  ciphertext: Uint8Array,
  secretBytes: number,
): Buffer | undefined {
  const rsaBytes = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  // RFC 5649, section 4.1: padded to a multiple of 8 bytes, and 8 more.
  const wrappedBytes = Math.ceil(secretBytes / 8) * 8 + 8;
  if (rsaBytes === 0 || ciphertext.length !== rsaBytes + wrappedBytes) return undefined;
  let kek: Buffer | undefined;
  try {
    kek = privateDecrypt(
      {
        key: privateKey,
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: oaepHashes[algorithm],
      },
      ciphertext.subarray(0, rsaBytes),
    );
    if (kek.length !== kekBytes) return undefined;
    const decipher = createDecipheriv("id-aes256-wrap-pad", kek, kwpIv);
    // All in one call: this cipher of OpenSSL's does not take its input in parts.
    const secret = decipher.update(ciphertext.subarray(rsaBytes));
    return secret.length === secretBytes ? secret : undefined;
  } catch {
    return undefined;
  } finally {
    kek?.fill(0);
  }
}
