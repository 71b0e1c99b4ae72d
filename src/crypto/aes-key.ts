import { KeyObject, createHmac, createSecretKey, webcrypto } from "node:crypto";

/** Every key of confml is for AES-256. */
export const aesKeyBytes = 32;

/**
 * What a key is for (NIST SP 800-57 part 1, section 5.2: one key, one purpose). `cbc`: `.encrypted` files, uploads and
 * models. `jwe`: `A256KW` and `dir`. `none`: released and written to its file, used for nothing.
 */
export type KeyUse = "cbc" | "jwe" | "none";

/**
 * An AES-256 key as this process keeps it: in OpenSSL's memory, which is cleared when it is freed, and
 * not on JavaScript's heap. It has no printable form, so no log, error or heap snapshot can show it.
 * A subclass holds what one use needs, so that no code can take the key for another use.
 */
export class AesKey {
  readonly #identity: KeyObject;

  constructor(identity: KeyObject) {
    if (identity.type !== "secret" || identity.symmetricKeySize !== aesKeyBytes) {
      const got = identity.symmetricKeySize ?? 0;
      throw new Error(`expected a key of ${aesKeyBytes} bytes; got ${got}`);
    }
    this.#identity = identity;
  }

  /** In constant time. */
  equals(other: AesKey): boolean {
    return this.#identity.equals(other.#identity);
  }

  /**
   * Tells keys apart after they are gone.
   *
   * @returns HMAC-SHA256 of `challenge` under this key: 32 bytes that are the same for the same key alone
   */
  fingerprint(challenge: Uint8Array): Buffer {
    return createHmac("sha256", this.#identity).update(challenge).digest();
  }
}

/** A key of `.encrypted` files (AES-256-CBC): it cannot open or seal a JWE. */
export class CbcKey extends AesKey {
  readonly secret: KeyObject;

  constructor(secret: KeyObject) {
    super(secret);
    this.secret = secret;
  }
}

/** A key of JWE (`A256KW` and `dir`), not extractable: it cannot decrypt an `.encrypted` file. */
export class JweKey extends AesKey {
  readonly wrapping: webcrypto.CryptoKey;
  readonly content: webcrypto.CryptoKey;

  private constructor(
    identity: KeyObject,
    wrapping: webcrypto.CryptoKey,
    content: webcrypto.CryptoKey,
  ) {
    super(identity);
    this.wrapping = wrapping;
    this.content = content;
  }

  static async import(identity: KeyObject, bytes: Uint8Array): Promise<JweKey> {
    const { subtle } = webcrypto;
    const [wrapping, content] = await Promise.all([
      subtle.importKey("raw", bytes, "AES-KW", false, ["wrapKey", "unwrapKey"]),
      subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]),
    ]);
    return new JweKey(identity, wrapping, content);
  }
}

interface KeyOfUse {
  cbc: CbcKey;
  jwe: JweKey;
  none: AesKey;
}

/**
 * @param bytes 32 bytes, wiped before this settles
 * @throws Error for any other length
 */
export async function takeKey<Use extends KeyUse>(
  bytes: Uint8Array,
  use: Use,
): Promise<KeyOfUse[Use]>;
export async function takeKey(bytes: Uint8Array, use: KeyUse): Promise<AesKey> {
  try {
    const identity = createSecretKey(bytes);
    const key = new AesKey(identity);
    if (use === "jwe") return await JweKey.import(identity, bytes);
    return use === "cbc" ? new CbcKey(identity) : key;
  } finally {
    bytes.fill(0);
  }
}
