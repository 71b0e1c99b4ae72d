import { KeyObject, createSecretKey, webcrypto } from "node:crypto";

/** Every key of confml is for AES-256. */
export const aesKeyBytes = 32;

/**
 * An AES-256 key as this process keeps it: in OpenSSL's memory, which is cleared when it is freed, and
 * not on JavaScript's heap. It has no printable form, so no log, error or heap snapshot can show it,
 * and whoever still works with a key that has been given up works with the key, not with zeros.
 */
export class AesKey {
  /** For AES-CBC. */
  readonly secret: KeyObject;
  /** For JWE's `A256KW` and `dir`: not extractable. */
  readonly wrapping: webcrypto.CryptoKey;
  readonly content: webcrypto.CryptoKey;

  private constructor(
    secret: KeyObject,
    wrapping: webcrypto.CryptoKey,
    content: webcrypto.CryptoKey,
  ) {
    this.secret = secret;
    this.wrapping = wrapping;
    this.content = content;
  }

  /**
   * @param bytes 32 bytes, wiped before this settles
   * @throws Error for any other length
   */
  static async take(bytes: Uint8Array): Promise<AesKey> {
    try {
      if (bytes.length !== aesKeyBytes) {
        throw new Error(`expected a key of ${aesKeyBytes} bytes; got ${bytes.length}`);
      }
      const { subtle } = webcrypto;
      const [wrapping, content] = await Promise.all([
        subtle.importKey("raw", bytes, "AES-KW", false, ["wrapKey", "unwrapKey"]),
        subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]),
      ]);
      return new AesKey(createSecretKey(bytes), wrapping, content);
    } finally {
      bytes.fill(0);
    }
  }

  /** In constant time. */
  equals(other: AesKey): boolean {
    return this.secret.equals(other.secret);
  }
}
