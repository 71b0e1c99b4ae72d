import { CompactEncrypt, compactDecrypt, type CompactJWEHeaderParameters } from "jose";

/**
 * JWE compact serialisation (RFC 7516) with keys of 32 bytes: `alg` `dir` or `A256KW`, `enc`
 * `A256GCM`, no `zip`. Anything else is refused: an attacker chooses the header.
 */
const keyManagementAlgorithms = ["dir", "A256KW"];
const contentEncryptionAlgorithms = ["A256GCM"];

export interface OpenedJwe {
  kid: string;
  plaintext: Uint8Array;
}

/**
 * @param keyOf finds the key that a `kid` names
 * @returns undefined for anything that does not open, for whatever reason
 */
export async function openJwe(
  jwe: Uint8Array,
  keyOf: (kid: string) => Uint8Array | undefined,
): Promise<OpenedJwe | undefined> {
  try {
    let kid: string | undefined;
    const { plaintext } = await compactDecrypt(
      jwe,
      // Called with the header before anything is decrypted, so nothing is ever inflated either.
      (header: CompactJWEHeaderParameters) => {
        kid = header.kid;
        const key = kid === undefined ? undefined : keyOf(kid);
        if (key === undefined || header.zip !== undefined) throw new Error("refused");
        return key;
      },
      { keyManagementAlgorithms, contentEncryptionAlgorithms },
    );
    return kid === undefined ? undefined : { kid, plaintext };
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
  key: Uint8Array,
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
    .encrypt(key);
}
