import { KeyObject, createHmac, createSecretKey, webcrypto } from "node:crypto";

/** Length of a key. Every symmetric key of confml is for AES-256. */
export const aesKeyBytes = 32;

/**
 * The purpose of a key (NIST SP 800-57 part 1, section 5.2: one key, one purpose). `cbc`: `.encrypted` uploads and
 * models. `jwe`: `A256KW` and `dir`, for uploads and answers. `jwe-model`: the same for models, which are only decrypted, as a
 * stream. `none`: released and written to its file, but not used by the server.
 */
export type KeyUse = "cbc" | "jwe" | "jwe-model" | "none";

/**
 * An AES-256 key in OpenSSL's memory, which is cleared when it is freed, and not on the JavaScript heap. It has no
 * printable form, so no log, error or heap snapshot can contain it. Each subclass has the handles of one use only, so
 * that no code can use the key for another purpose.
 */
export class AesKey {
  readonly #identity: KeyObject;

  /** @throws Error for anything but a secret key of 32 bytes */
  constructor(identity: KeyObject) {
    if (identity.type !== "secret" || identity.symmetricKeySize !== aesKeyBytes) {
      const got = identity.symmetricKeySize ?? 0;
      throw new Error(`expected a key of ${aesKeyBytes} bytes; got ${got}`);
    }
    this.#identity = identity;
  }

  /** Compares two keys in constant time. */
  equals(other: AesKey): boolean {
    return this.#identity.equals(other.#identity);
  }

  /**
   * Identifies a key without keeping it.
   *
   * @returns HMAC-SHA256 of `challenge` under this key: 32 bytes, equal for equal keys only
   */
  fingerprint(challenge: Uint8Array): Buffer {
    return createHmac("sha256", this.#identity).update(challenge).digest();
  }
}

/** A key for `.encrypted` files (AES-256-CBC). It cannot open or seal a JWE. */
export class CbcKey extends AesKey {
  readonly secret: KeyObject;

  constructor(secret: KeyObject) {
    super(secret);
    this.secret = secret;
  }
}

/** A key for a model as JWE (`A256KW` and `dir`). It cannot open an upload or an `.encrypted` file, or seal an answer. */
export class JweModelKey extends AesKey {
  readonly modelSecret: KeyObject;

  constructor(modelSecret: KeyObject) {
    super(modelSecret);
    this.modelSecret = modelSecret;
  }
}

/** A key for JWE (`A256KW` and `dir`), not extractable. It cannot decrypt an `.encrypted` file. */
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

  /** Creates a key for JWE from its `identity`. @param bytes the same 32 bytes that `identity` holds; not wiped here */
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
  "jwe-model": JweModelKey;
  none: AesKey;
}

/**
 * Makes a key of bytes, and wipes them.
 *
 * @param bytes 32 bytes; zeros when the promise has settled, also if it rejects
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
    if (use === "jwe-model") return new JweModelKey(identity);
    return use === "cbc" ? new CbcKey(identity) : key;
  } finally {
    bytes.fill(0);
  }
}
