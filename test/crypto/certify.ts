import "reflect-metadata";
import { webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  cryptoProvider,
  type JsonGeneralNames,
  type KeyUsageFlags,
} from "@peculiar/x509";

export interface Certified {
  name: string;
  keys: webcrypto.CryptoKeyPair;
  der: Buffer;
}

interface KeyAlgorithm {
  name: string;
  hash: string;
  namedCurve?: string;
  modulusLength?: number;
  publicExponent?: Uint8Array;
}

export interface Wishes {
  /** Whether it is a CA; default: false. With undefined there is no extension for it. */
  ca?: boolean | undefined;
  pathLength?: number;
  usage?: KeyUsageFlags;
  names?: string[];
  otherNames?: JsonGeneralNames;
  from?: string;
  to?: string;
  /** Algorithm of the new key; default: P-256. */
  algorithm?: KeyAlgorithm;
  /** Hash of the signature; default: SHA-256. */
  hash?: string;
  extensions?: Extension[];
}

export const p256: KeyAlgorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export function rsa(modulusLength: number, name = "RSASSA-PKCS1-v1_5"): KeyAlgorithm {
  const publicExponent = new Uint8Array([1, 0, 1]);
  return { name, modulusLength, publicExponent, hash: "SHA-256" };
}

/** Creates a key and a certificate for it; without an issuer, a self-signed one. */
export async function certify(
  name: string,
  issuer: Certified | undefined,
  wishes: Wishes = {},
): Promise<Certified> {
  cryptoProvider.set(webcrypto);
  const { from = "2026-01-01", to = "2027-01-01", algorithm = p256 } = wishes;
  const keys = await generateKeys(algorithm);
  const signer = issuer?.keys ?? keys;
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: `CN=${issuer?.name ?? name}`,
    notBefore: new Date(from),
    notAfter: new Date(to),
    publicKey: keys.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: {
      ...p256,
      ...signer.privateKey.algorithm,
      hash: wishes.hash ?? "SHA-256",
      saltLength: 32,
    },
    extensions: extensionsOf(wishes),
  });
  return { name, keys, der: Buffer.from(certificate.rawData) };
}

async function generateKeys(algorithm: KeyAlgorithm): Promise<webcrypto.CryptoKeyPair> {
  const {
    name,
    hash,
    namedCurve = "",
    modulusLength = 0,
    publicExponent = new Uint8Array(),
  } = algorithm;
  return namedCurve === ""
    ? webcrypto.subtle.generateKey({ name, hash, modulusLength, publicExponent }, true, [
        "sign",
        "verify",
      ])
    : webcrypto.subtle.generateKey({ name, namedCurve }, true, ["sign", "verify"]);
}

function extensionsOf(wishes: Wishes): Extension[] {
  const { pathLength, usage, names = [], otherNames = [], extensions = [] } = wishes;
  const ca = "ca" in wishes ? wishes.ca : false;
  const made: Extension[] = [];
  if (ca !== undefined) made.push(new BasicConstraintsExtension(ca, pathLength, true));
  if (usage !== undefined) made.push(new KeyUsagesExtension(usage, true));
  const all = [...names.map((value) => ({ type: "dns" as const, value })), ...otherNames];
  if (all.length > 0) made.push(new SubjectAlternativeNameExtension(all));
  return [...made, ...extensions];
}

/** Encodes a DER value of less than 65,536 bytes. */
export function der(tag: number, ...parts: (Uint8Array | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...(length < 0x80 ? [length] : long)]), content]);
}

/** Encodes name constraints on DNS names (RFC 5280, section 4.2.1.10). */
export function nameConstraints(permitted: string[], excluded: string[] = []): Extension {
  const subtrees = (tag: number, names: string[]): Buffer =>
    names.length === 0
      ? Buffer.alloc(0)
      : der(tag, ...names.map((name) => der(0x30, der(0x82, name))));
  const value = der(0x30, subtrees(0xa0, permitted), subtrees(0xa1, excluded));
  return new Extension("2.5.29.30", true, value);
}
