import { CbcKey, JweModelKey } from "../crypto/aes-key.js";
import { JweDecipher } from "../crypto/jwe-decipher.js";
import { createModelDecipher } from "../crypto/openssl-cbc.js";

/** A model's key. Its class says which format it decrypts. */
export type ModelKey = CbcKey | JweModelKey;

/** Decrypts a stream, as Node's `Decipher` does. */
export interface ModelDecipher {
  update(chunk: Uint8Array): Buffer;
  /** @throws Error where the bytes before are not to be used */
  final(): Buffer;
}

/** A format of encrypted models. */
export interface ModelFormat {
  /** For messages. */
  name: string;
  createDecipher: () => ModelDecipher;
  /** @returns a length that the plaintext of a file of `fileBytes` does not exceed */
  maxPlaintextBytes: (fileBytes: number) => number;
}

/**
 * The format of a model is decided by its address, never by its bytes: JWE where the path ends in `.jwe` in any case, else
 * AES-256-CBC.
 *
 * @param url an absolute URL; a query, such as a shared access signature, is not looked at
 * @returns the use that the model's key is made for
 */
export function modelKeyUse(url: string): "cbc" | "jwe-model" {
  return new URL(url).pathname.toLowerCase().endsWith(".jwe") ? "jwe-model" : "cbc";
}

export function isModelKey(key: unknown): key is ModelKey {
  return key instanceof CbcKey || key instanceof JweModelKey;
}

export function modelFormatOf(key: ModelKey): ModelFormat {
  if (key instanceof JweModelKey) {
    return {
      name: "a JWE (A256KW or dir, A256GCM)",
      createDecipher: () => new JweDecipher(key),
      // Four characters of base64url are three bytes.
      maxPlaintextBytes: (fileBytes) => Math.floor((fileBytes * 3) / 4),
    };
  }
  return {
    name: "AES-256-CBC",
    createDecipher: () => createModelDecipher(key.secret),
    // The plaintext is shorter than the file by its padding.
    maxPlaintextBytes: (fileBytes) => fileBytes,
  };
}
