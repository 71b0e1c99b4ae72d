import { webcrypto } from "node:crypto";
import { concatKdf } from "./concat-kdf.js";
import type { EcdhKey } from "./ecdh-key.js";
import { decryptContent, unwrapContentKey } from "./jwe.js";
import { readCompactJwe, readHeader } from "./jwe-header.js";

/** `alg` of uploads to the attested key, and of no others. */
export const attestedAlgorithm = "ECDH-ES+A256KW";
const encryption = "A256GCM";
const keyBits = 256;
const wrappedKeyBytes = 40;
const ivBytes = 12;

const members = new Set(["alg", "enc", "kid", "epk", "top", "receipt"]);
/** 32 bytes in base64url. The last character has two unused bits, which are 0. */
const coordinateForm = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/u;

/** The protected header of an attested upload: what it asks for, authenticated when the upload has been opened. */
export interface AttestedHeader {
  /** Coordinates of the sender's ephemeral key, 32 bytes each, not checked against the curve. */
  epk: { x: Buffer; y: Buffer };
  /** Labels of the answer; undefined: the server's default. */
  top: number | undefined;
  /** Whether the answer is to have a receipt. */
  receipt: boolean;
}

/** Whether a token's protected header has the `alg` of attested uploads. Nothing behind the header is read. */
export function isAttested(jwe: Uint8Array): boolean {
  return readHeader(jwe)?.["alg"] === attestedAlgorithm;
}

/**
 * Reads the protected header of an attested upload. An attacker chooses it, so it has no other members than the known
 * ones, each of one form.
 *
 * @returns undefined for any other header
 */
export function readAttestedHeader(
  header: Readonly<Record<string, unknown>>,
): AttestedHeader | undefined {
  const { alg, enc, top, receipt } = header;
  if (!Object.keys(header).every((name) => members.has(name))) return undefined;
  if (alg !== attestedAlgorithm || enc !== encryption) return undefined;
  if (receipt !== undefined && receipt !== true) return undefined;
  if (top !== undefined && !isPositive(top)) return undefined;
  const epk = readEpk(header["epk"]);
  return epk === undefined ? undefined : { epk, top, receipt: receipt === true };
}

function isPositive(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

/** Reads a public P-256 key with no other members (RFC 7518, section 6.2.1). */
function readEpk(epk: unknown): AttestedHeader["epk"] | undefined {
  if (typeof epk !== "object" || epk === null) return undefined;
  const { crv, kty, x, y, ...others } = { ...epk } as Record<string, unknown>;
  if (Object.keys(others).length > 0 || crv !== "P-256" || kty !== "EC") return undefined;
  if (typeof x !== "string" || typeof y !== "string") return undefined;
  if (!coordinateForm.test(x) || !coordinateForm.test(y)) return undefined;
  return { x: Buffer.from(x, "base64url"), y: Buffer.from(y, "base64url") };
}

/** An attested upload that was opened. */
export interface OpenedAttested {
  header: AttestedHeader;
  plaintext: Uint8Array<ArrayBuffer>;
}

/**
 * Opens a JWE that was encrypted to a key: compact serialization, `ECDH-ES+A256KW`, `A256GCM` (RFC 7518, sections 4.6 and
 * 5.3). It does not compare the header's `kid`.
 *
 * @returns undefined for every failure, so that callers cannot tell one reason from another
 */
export async function openAttestedJwe(
  jwe: Uint8Array,
  key: EcdhKey,
): Promise<OpenedAttested | undefined> {
  const token = readCompactJwe(jwe);
  const header = token && readAttestedHeader(token.header);
  if (token === undefined || header === undefined) return undefined;
  const { encryptedKey, iv } = token;
  if (encryptedKey.length !== wrappedKeyBytes || iv.length !== ivBytes) return undefined;
  try {
    const wrapping = await agreeWrappingKey(header.epk, key);
    const contentKey = await unwrapContentKey(encryptedKey, wrapping);
    return { header, plaintext: await decryptContent(token, contentKey) };
  } catch {
    return undefined;
  }
}

/** @throws Error for a point that is not on the curve */
async function agreeWrappingKey(
  { x, y }: AttestedHeader["epk"],
  key: EcdhKey,
): Promise<webcrypto.CryptoKey> {
  const secret = await key.agree(x, y);
  if (secret === undefined) throw new Error("a point that is not on the curve");
  const derived = concatKdf(secret, { algorithmId: attestedAlgorithm, keyBits });
  try {
    return await webcrypto.subtle.importKey("raw", derived, "AES-KW", false, ["unwrapKey"]);
  } finally {
    secret.fill(0);
    derived.fill(0);
  }
}
