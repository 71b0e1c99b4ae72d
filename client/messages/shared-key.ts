import { CompactEncrypt, compactDecrypt } from "jose";
import { VerificationError } from "../verification-error.js";

/** A key that a data owner shares with the server, which gets it released from the owner's vault. */
export interface SharedKey {
  /** 32 bytes. */
  key: Uint8Array;
  /** The secret's ID in the server's configuration, or ID/version. */
  kid: string;
}

/**
 * Encrypts a picture with a shared key: JWE compact, `A256KW` and `A256GCM` (RFC 7518, sections 4.4 and 5.3).
 *
 * @param picture an image file
 * @returns the file to send, as `application/jose`
 */
export async function encryptWithKey(
  picture: Uint8Array,
  { key, kid }: SharedKey,
): Promise<string> {
  return new CompactEncrypt(picture)
    .setProtectedHeader({ alg: "A256KW", enc: "A256GCM", kid })
    .encrypt(key);
}

/**
 * Opens an answer that is encrypted with a shared key.
 *
 * @returns the answer's JSON as text, without the spaces that pad it
 * @throws VerificationError ANSWER_REJECTED
 */
export async function openWithKey(jwe: string, { key }: SharedKey): Promise<string> {
  try {
    const { plaintext } = await compactDecrypt(jwe, key, {
      keyManagementAlgorithms: ["A256KW", "dir"],
      contentEncryptionAlgorithms: ["A256GCM"],
    });
    return new TextDecoder("utf-8", { fatal: true }).decode(plaintext).replace(/ +$/u, "");
  } catch (cause) {
    throw new VerificationError(
      "ANSWER_REJECTED",
      "the answer: expected a JWE (A256KW or dir, A256GCM) under the picture's key",
      { cause },
    );
  }
}
