import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { exitCodes, CommandFailure } from "../exit.js";

/**
 * The key that signs enclaves. SGX takes RSA keys of 3,072 bits with exponent 3 and no others (Intel SDM,
 * volume 3D, table "Layout of Enclave Signature Structure (SIGSTRUCT)": MODULUS, EXPONENT).
 */
const modulusBits = 3072;
const exponent = 3n;

/**
 * MRSIGNER of Open Enclave's debug key, with which it signs enclaves by default. The private key is in Open Enclave's
 * source, so anybody can sign with it.
 */
const everybody = "ca9ad7331448980aa28890ce73e433638377f179ab4456b2fe237193193a8d0a";

const hints = [
  "openssl genrsa -3 -out signing.pem 3072 makes one",
  'export SSR_PKEY="$(cat signing.pem)", or the lines between its first and its last alone',
];

/**
 * Reads SSR_PKEY: the text of a PEM file, or its body alone (without the BEGIN and END lines), as the original sample
 * expects it. A secret store may have replaced its line breaks by spaces.
 *
 * @throws CommandFailure that does not quote the key
 */
export function readSigningKey(text: string | undefined): KeyObject {
  if (text === undefined || text.trim() === "") {
    throw new CommandFailure(
      exitCodes.usage,
      "SSR_PKEY is not set: the key that signs the package",
      hints,
    );
  }
  const key = parseKey(text);
  if (key?.asymmetricKeyType !== "rsa") {
    throw new CommandFailure(
      exitCodes.data,
      "SSR_PKEY: expected an unencrypted RSA private key",
      hints,
    );
  }
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== modulusBits || publicExponent !== exponent) {
    throw new CommandFailure(
      exitCodes.data,
      `SSR_PKEY: expected ${modulusBits} bits and exponent ${exponent}, as SGX does; ` +
        `got ${modulusLength ?? "?"} bits and exponent ${publicExponent ?? "?"}`,
      hints,
    );
  }
  requireOwnKey(key);
  return key;
}

/** Checks that a key is the owner's. @throws CommandFailure for Open Enclave's debug key, whose private key is public */
export function requireOwnKey(key: KeyObject): void {
  if (mrSigner(key) !== everybody) return;
  throw new CommandFailure(
    exitCodes.data,
    "SSR_PKEY is Open Enclave's debug key, with which everybody can sign",
    hints,
  );
}

/** @returns a key for measuring: an enclave that it signs has the same MRENCLAVE as one that the owner's key signs */
export function throwawayKey(): KeyObject {
  const publicExponent = Number(exponent);
  return generateKeyPairSync("rsa", { modulusLength: modulusBits, publicExponent }).privateKey;
}

/**
 * MRSIGNER, 64 hex digits: SHA-256 of the modulus, least significant byte first (Intel SDM, volume 3D,
 * "EINIT": MRSIGNER is SHA-256 of SIGSTRUCT.MODULUS).
 *
 * @param key private or public
 */
export function mrSigner(key: KeyObject): string {
  const { n = "" } = key.export({ format: "jwk" });
  const modulus = Buffer.alloc(modulusBits / 8);
  const bytes = Buffer.from(n, "base64url").reverse();
  bytes.copy(modulus);
  return createHash("sha256").update(modulus).digest("hex");
}

function parseKey(text: string): KeyObject | undefined {
  const framed = /-----BEGIN (?:RSA )?PRIVATE KEY-----(.*)-----END/su.exec(text)?.[1];
  const body = (framed ?? text).replace(/\s|\\n/gu, "");
  if (!/^[A-Za-z0-9+/]+=*$/u.test(body)) return undefined;
  const der = Buffer.from(body, "base64");
  for (const type of ["pkcs1", "pkcs8"] as const) {
    try {
      return createPrivateKey({ key: der, format: "der", type });
    } catch {
      // Not this encoding: the next one is tried.
    }
  }
  return undefined;
}
