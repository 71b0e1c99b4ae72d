import { webcrypto } from "node:crypto";
import { CompactEncrypt } from "jose";
import { JweKey, takeKey } from "./aes-key.js";
import { readCompactJwe, readHeader, type CompactJwe } from "./jwe-header.js";

const { subtle } = webcrypto;

/**
 * JWE compact serialisation (RFC 7516) with keys of 32 bytes: `alg` `dir` or `A256KW`, `enc`
 * `A256GCM`, no `zip`, no `crit`. Anything else is refused: an attacker chooses the header.
 */
const encryptedKeyBytes: ReadonlyMap<string, number> = new Map([
  ["dir", 0],
  ["A256KW", 40],
]);

/** 32 bytes, as the owners' commands have them in a file, or a key that this process keeps. */
export type AnyJweKey = Uint8Array | JweKey;

/** @returns the `kid` that a token claims, undefined where it names none or its header is not one */
export function readKid(jwe: Uint8Array): string | undefined {
  const kid = readHeader(jwe)?.["kid"];
  return typeof kid === "string" ? kid : undefined;
}

/**
 * By Web Cryptography itself rather than through jose, which decodes 20 MB of base64url in JavaScript: a quarter of a
 * second in which the event loop does nothing else.
 *
 * @returns the plaintext, or undefined for anything that does not open, for whatever reason
 */
export async function openJwe(jwe: Uint8Array, key: AnyJweKey): Promise<Uint8Array | undefined> {
  const token = readCompactJwe(jwe);
  if (token === undefined || !isOurs(token)) return undefined;
  const { header, protectedHeader, encryptedKey, iv, sealed } = token;
  try {
    const { wrapping, content } =
      key instanceof JweKey ? key : await takeKey(Buffer.from(key), "jwe");
    const contentKey =
      header["alg"] === "dir"
        ? content
        : await subtle.unwrapKey("raw", encryptedKey, wrapping, "AES-KW", "AES-GCM", false, [
            "decrypt",
          ]);
    const gcm = { name: "AES-GCM", iv, additionalData: protectedHeader, tagLength: 128 };
    return new Uint8Array(await subtle.decrypt(gcm, contentKey, sealed));
  } catch {
    return undefined;
  }
}

/** An encrypted key and an IV of the lengths that our algorithms have (RFC 7518, sections 4.4, 4.5 and 5.3). */
function isOurs({ header, encryptedKey, iv }: CompactJwe): boolean {
  const { alg, enc, zip, crit } = header;
  const keyBytes = typeof alg === "string" ? encryptedKeyBytes.get(alg) : undefined;
  const isPlain = zip === undefined && crit === undefined;
  return isPlain && enc === "A256GCM" && encryptedKey.length === keyBytes && iv.length === 12;
}

export interface SealOptions {
  kid: string;
  /** The plaintext's media type, without `application/` (RFC 7516, section 4.1.12). */
  cty?: string;
}

/**
 * A fresh content key for each message (`A256KW`), so that no number of answers under one key can
 * make an IV of AES-GCM repeat (NIST SP 800-38D, section 8.3).
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
