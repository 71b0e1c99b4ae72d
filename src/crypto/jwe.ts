import { webcrypto } from "node:crypto";
import { CompactEncrypt } from "jose";
import { JweKey, takeKey } from "./aes-key.js";
import { isSupportedJwe, readCompactJwe, readHeader, type CompactJwe } from "./jwe-header.js";

const { subtle } = webcrypto;

/** 32 bytes, which the owners' commands read from a file, or the server's non-extractable form of a key. */
export type AnyJweKey = Uint8Array | JweKey;

/** @returns the `kid` of a token's header, not authenticated; undefined if it has none or the header is not accepted */
export function readKid(jwe: Uint8Array): string | undefined {
  const kid = readHeader(jwe)?.["kid"];
  return typeof kid === "string" ? kid : undefined;
}

/**
 * Decrypts a JWE. It calls Web Cryptography directly instead of jose, which decodes 20 MB of base64url in JavaScript and
 * so blocks the event loop for a quarter of a second.
 *
 * @returns the plaintext; undefined for every failure, so that callers cannot tell one reason from another
 */
export async function openJwe(jwe: Uint8Array, key: AnyJweKey): Promise<Uint8Array | undefined> {
  const token = readCompactJwe(jwe);
  if (token === undefined || !isSupportedJwe(token)) return undefined;
  const { header, encryptedKey } = token;
  try {
    const { wrapping, content } =
      key instanceof JweKey ? key : await takeKey(Buffer.from(key), "jwe");
    const contentKey =
      header["alg"] === "dir" ? content : await unwrapContentKey(encryptedKey, wrapping);
    return await decryptContent(token, contentKey);
  } catch {
    return undefined;
  }
}

/**
 * Unwraps a content key (`A256KW`; RFC 7518, section 4.4).
 *
 * @throws DOMException where the wrapping key is another one
 */
export async function unwrapContentKey(
  encryptedKey: Uint8Array<ArrayBuffer>,
  wrapping: webcrypto.CryptoKey,
): Promise<webcrypto.CryptoKey> {
  return subtle.unwrapKey("raw", encryptedKey, wrapping, "AES-KW", "AES-GCM", false, ["decrypt"]);
}

/**
 * Decrypts a token's content (`A256GCM`; RFC 7518, section 5.3).
 *
 * @throws DOMException for a token that was altered, or another key
 */
export async function decryptContent(
  { protectedHeader, iv, sealed }: CompactJwe,
  contentKey: webcrypto.CryptoKey,
): Promise<Uint8Array<ArrayBuffer>> {
  const gcm = { name: "AES-GCM", iv, additionalData: protectedHeader, tagLength: 128 };
  return new Uint8Array(await subtle.decrypt(gcm, contentKey, sealed));
}

export interface SealOptions {
  /** Key identifier for the header (RFC 7516, section 4.1.6). */
  kid: string;
  /** The plaintext's media type, without `application/` (RFC 7516, section 4.1.12). */
  cty?: string;
}

/**
 * Encrypts a message as JWE in compact serialisation. Each message gets a fresh content key (`A256KW`), so that the
 * number of answers under one key is not limited by repeated IVs of AES-GCM (NIST SP 800-38D, section 8.3).
 */
export async function sealJwe(
  key: AnyJweKey,
  plaintext: Uint8Array,
  { kid, cty }: SealOptions,
): Promise<string> {
  return new CompactEncrypt(plaintext)
    .setProtectedHeader({
      alg: "A256KW",
      enc: "A256GCM",
      kid,
      ...(cty === undefined ? {} : { cty }),
    })
    .encrypt(key instanceof JweKey ? key.wrapping : key);
}
