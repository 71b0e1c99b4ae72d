import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from "jose";
import { JweKey } from "./aes-key.js";

/**
 * JWE compact serialisation (RFC 7516) with keys of 32 bytes: `alg` `dir` or `A256KW`, `enc`
 * `A256GCM`, no `zip`. Anything else is refused: an attacker chooses the header.
 */
const keyManagementAlgorithms = ["dir", "A256KW"];
const contentEncryptionAlgorithms = ["A256GCM"];

/** 32 bytes, as the owners' commands have them in a file, or a key that this process keeps. */
export type AnyJweKey = Uint8Array | JweKey;

/** @returns the `kid` that a token claims, undefined where it names none or is no token */
export function readKid(jwe: Uint8Array): string | undefined {
  const end = jwe.indexOf(".".charCodeAt(0));
  try {
    const header = Buffer.from(jwe.subarray(0, Math.max(end, 0))).toString("latin1");
    const { kid } = decodeProtectedHeader({ protected: header });
    return typeof kid === "string" ? kid : undefined;
  } catch {
    return undefined;
  }
}

/** @returns the plaintext, or undefined for anything that does not open, for whatever reason */
export async function openJwe(jwe: Uint8Array, key: AnyJweKey): Promise<Uint8Array | undefined> {
  try {
    const { plaintext } = await compactDecrypt(
      jwe,
      // Called with the header before anything is decrypted, so nothing is ever inflated either.
      ({ alg, zip }) => {
        if (zip !== undefined) throw new Error("refused");
        if (!(key instanceof JweKey)) return key;
        return alg === "dir" ? key.content : key.wrapping;
      },
      { keyManagementAlgorithms, contentEncryptionAlgorithms },
    );
    return plaintext;
  } catch {
    return undefined;
  }
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
