import { createSecretKey, webcrypto, type KeyObject } from "node:crypto";
import { CompactEncrypt } from "jose";
import { AesKey, aesKeyBytes } from "./aes-key.js";

/** Length of a reply key in bytes. */
export const replyKeyBytes = aesKeyBytes;

/**
 * The key that a client chose for the answer to one attested upload. It encrypts answers and nothing else: it opens no
 * upload, and it is not looked up by a name.
 */
export class ReplyKey extends AesKey {
  readonly #content: webcrypto.CryptoKey;

  private constructor(identity: KeyObject, content: webcrypto.CryptoKey) {
    super(identity);
    this.#content = content;
  }

  /** @param bytes 32 bytes, which are wiped */
  static async take(bytes: Uint8Array): Promise<ReplyKey> {
    try {
      const content = await webcrypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt"]);
      return new ReplyKey(createSecretKey(bytes), content);
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * Encrypts an answer as JWE in compact serialization: `dir`, `A256GCM`, a random IV of 96 bits (RFC 7518, section 5.3).
   * Answers to replays of an upload are encrypted under the same key, and 2^32 of them keep the probability of equal IVs
   * below 2^-32 (NIST SP 800-38D, section 8.3).
   */
  async seal(plaintext: Uint8Array): Promise<string> {
    return new CompactEncrypt(plaintext)
      .setProtectedHeader({ alg: "dir", enc: "A256GCM" })
      .encrypt(this.#content);
  }
}
