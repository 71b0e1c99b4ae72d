import { createDecipheriv, type DecipherGCM } from "node:crypto";
import { unwrapA256Kw } from "./aes-key-wrap.js";
import type { JweModelKey } from "./aes-key.js";
import { decodeBase64url } from "./base64url.js";
import { isSupportedJwe, maxHeaderBytes, readHeader, tagBytes } from "./jwe-header.js";

const dot = ".".charCodeAt(0);
const nothing = Buffer.alloc(0);
/** Lengths in base64url. */
const maxEncryptedKeyLength = 54;
const ivLength = 16;
const tagLength = 22;
/** Header, encrypted key and IV, each with the dot behind it. */
const maxStartBytes = maxHeaderBytes + 1 + maxEncryptedKeyLength + 1 + ivLength + 1;

/**
 * Decrypts a JWE in compact serialisation (RFC 7516, section 5.2) as a stream, in chunks of any length. Accepts what `openJwe`
 * accepts: `A256KW` or `dir`, `A256GCM`, strict base64url. Keeps no more of the file than its header and the tag.
 *
 * After the first error it ignores all further bytes, and `final` reports it: only then is the hash of the whole file known,
 * which tells an altered file from a wrong key.
 */
export class JweDecipher {
  readonly #key: JweModelKey;
  #part: "start" | "content" | "tag" | "refused" = "start";
  /** Bytes that are not decoded yet: of the start, of the content at most three, or of the tag. */
  #pending: Uint8Array = nothing;
  #gcm: DecipherGCM | undefined;

  constructor(key: JweModelKey) {
    this.#key = key;
  }

  /**
   * @returns plaintext, not authenticated before `final` returns
   */
  update(chunk: Uint8Array): Buffer {
    if (this.#part === "start") return this.#updateStart(chunk);
    if (this.#part === "content") return this.#updateContent(chunk);
    if (this.#part === "tag") this.#updateTag(chunk);
    return nothing;
  }

  /**
   * Checks the tag.
   *
   * @returns no bytes
   * @throws Error where the token is malformed, incomplete or not authentic, or the key is another one
   */
  final(): Buffer {
    const tag = this.#part === "tag" ? decodeBase64url(this.#pending) : undefined;
    if (tag?.length !== tagBytes || this.#gcm === undefined) {
      throw new Error("expected a JWE in compact serialisation that this key opens");
    }
    return this.#gcm.setAuthTag(tag).final();
  }

  #updateStart(chunk: Uint8Array): Buffer {
    const kept = this.#pending.length;
    const start = Buffer.concat([this.#pending, chunk.subarray(0, maxStartBytes - kept)]);
    const end = indexOfThirdDot(start);
    if (end < 0) {
      this.#pending = start;
      return start.length < maxStartBytes ? nothing : this.#refuse();
    }
    this.#gcm = openStart(start.subarray(0, end), this.#key);
    if (this.#gcm === undefined) return this.#refuse();
    this.#part = "content";
    this.#pending = nothing;
    return this.#updateContent(chunk.subarray(end + 1 - kept));
  }

  #updateContent(chunk: Uint8Array): Buffer {
    const end = chunk.indexOf(dot);
    const isLast = end >= 0;
    const encoded = Buffer.concat([this.#pending, isLast ? chunk.subarray(0, end) : chunk]);
    const length = isLast ? encoded.length : encoded.length - (encoded.length % 4);
    const ciphertext = decodeBase64url(encoded.subarray(0, length));
    if (ciphertext === undefined || this.#gcm === undefined) return this.#refuse();
    this.#pending = encoded.subarray(length);
    const plaintext = this.#gcm.update(ciphertext);
    if (isLast) {
      this.#part = "tag";
      this.#updateTag(chunk.subarray(end + 1));
    }
    return plaintext;
  }

  #updateTag(chunk: Uint8Array): void {
    if (this.#pending.length + chunk.length > tagLength) this.#refuse();
    else this.#pending = Buffer.concat([this.#pending, chunk]);
  }

  #refuse(): Buffer {
    this.#part = "refused";
    this.#pending = nothing;
    this.#gcm = undefined;
    return nothing;
  }
}

function indexOfThirdDot(bytes: Uint8Array): number {
  let at = -1;
  for (let dots = 0; dots < 3; dots += 1) {
    at = bytes.indexOf(dot, at + 1);
    if (at < 0) return -1;
  }
  return at;
}

/**
 * Unwraps the content key and prepares the decryption (RFC 7516, section 5.2, steps 1 to 15).
 *
 * @param start `header.encrypted_key.iv`, encoded
 * @returns undefined where a part is malformed or not supported, or the key does not unwrap the content key
 */
function openStart(start: Uint8Array, { modelSecret }: JweModelKey): DecipherGCM | undefined {
  const headerEnd = start.indexOf(dot);
  const keyEnd = start.indexOf(dot, headerEnd + 1);
  const header = readHeader(start);
  const encryptedKey = decodeBase64url(start.subarray(headerEnd + 1, keyEnd));
  const iv = decodeBase64url(start.subarray(keyEnd + 1));
  if (header === undefined || encryptedKey === undefined || iv === undefined) return undefined;
  if (!isSupportedJwe({ header, encryptedKey, iv })) return undefined;
  const isWrapped = header["alg"] === "A256KW";
  const contentKey = isWrapped ? unwrapA256Kw(modelSecret, encryptedKey) : undefined;
  if (isWrapped && contentKey === undefined) return undefined;
  const gcm = createDecipheriv("aes-256-gcm", contentKey ?? modelSecret, iv, {
    authTagLength: tagBytes,
  });
  contentKey?.fill(0);
  return gcm.setAAD(start.subarray(0, headerEnd));
}
