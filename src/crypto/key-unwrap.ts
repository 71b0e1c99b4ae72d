import type { KeyObject } from "node:crypto";
import { unwrapWithPadding } from "./aes-key-wrap.js";
import { decryptOaep, modulusBytes } from "./rsa-oaep.js";

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

const kekBytes = 32;

/**
 * Unwraps `RSA-OAEP(KEK) ‖ AES-KWP(KEK, secret)`: RSA-OAEP (RFC 8017, section 7.1), AES key wrap with padding (RFC
 * 5649).
 *
 * @param secretBytes the expected length of the secret, which determines the length of the input
 * @returns the secret; undefined for every failure, so that callers cannot tell one reason from another
 */
export function unwrapKey(
  algorithm: KeyWrapAlgorithm,
  privateKey: KeyObject,
  ciphertext: Uint8Array,
  secretBytes: number,
): Buffer | undefined {
  const rsaBytes = modulusBytes(privateKey);
  // RFC 5649, section 4.1: padding to a multiple of 8 bytes, and 8 bytes for the initial value.
  const wrappedBytes = Math.ceil(secretBytes / 8) * 8 + 8;
  if (rsaBytes === 0 || ciphertext.length !== rsaBytes + wrappedBytes) return undefined;
  const kek = decryptOaep(privateKey, oaepHashes[algorithm], ciphertext.subarray(0, rsaBytes));
  try {
    if (kek?.length !== kekBytes) return undefined;
    const secret = unwrapWithPadding(kek, ciphertext.subarray(rsaBytes));
    if (secret?.length === secretBytes) return secret;
    secret?.fill(0);
    return undefined;
  } finally {
    kek?.fill(0);
  }
}
