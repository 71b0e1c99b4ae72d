import { constants as crypto, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { der } from "./certify.js";

/** Writes a certificate part by part, and signs it. Each part may be invalid. */
export interface Written {
  name: Buffer;
  privateKey: KeyObject;
  /** SubjectPublicKeyInfo. */
  key: Buffer;
  der: Buffer;
}

/** The parts in DER; each replaces the default. An empty one leaves the part out. */
export interface Parts {
  version?: Buffer;
  serialNumber?: Buffer;
  /** AlgorithmIdentifier, inside and outside of the signed part. */
  algorithm?: Buffer;
  /** AlgorithmIdentifier outside of the signed part only. */
  outerAlgorithm?: Buffer;
  /** OpenSSL's name of the signature's hash. */
  hash?: string;
  /** RSASSA-PSS' salt length in bytes; undefined: RSASSA-PKCS1-v1_5, or ECDSA. */
  saltLength?: number;
  issuer?: Buffer;
  notBefore?: Buffer;
  notAfter?: Buffer;
  /** The whole field; replaces both. */
  validity?: Buffer;
  subject?: Buffer;
  keys?: { publicKey: KeyObject; privateKey: KeyObject };
  key?: Buffer;
  /** Bytes between the key and the extensions. */
  identifiers?: Buffer;
  extensions?: Buffer[];
  /** The whole field. */
  extensionsField?: Buffer;
  /** Bytes at the end of the signed part. */
  more?: Buffer;
}

export const host = "vault.hsm.example";
export const none = Buffer.alloc(0);
export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");
export const ecdsaSha256 = hex("300a06082a8648ce3d040302");

export function objectIdentifier(content: string): Buffer {
  return der(0x06, hex(content));
}

/** @param type a string's tag */
export function commonName(text: string, type = 0x0c): Buffer {
  return der(0x30, der(0x31, der(0x30, objectIdentifier("550403"), der(type, text))));
}

export const isCritical = hex("0101ff");

/** @param id content of the object identifier, in hexadecimal digits */
export function extension(id: string, critical: Buffer, value: Buffer): Buffer {
  return der(0x30, objectIdentifier(id), critical, der(0x04, value));
}

export const basicConstraints = (value: Buffer, critical = isCritical): Buffer =>
  extension("551d13", critical, value);
export const keyUsage = (value: Buffer): Buffer => extension("551d0f", isCritical, value);
export const purposes = (...ids: string[]): Buffer =>
  extension("551d25", none, der(0x30, ...ids.map(objectIdentifier)));
export const alternativeNames = (...names: Buffer[]): Buffer =>
  extension("551d11", none, der(0x30, ...names));
export const dns = (name: string): Buffer => der(0x82, name);
export const constraints = (...lists: Buffer[]): Buffer =>
  extension("551d1e", isCritical, der(0x30, ...lists));
export const permitted = (...names: Buffer[]): Buffer => subtrees(0xa0, names);
export const excluded = (...names: Buffer[]): Buffer => subtrees(0xa1, names);
const subtrees = (tag: number, names: Buffer[]): Buffer =>
  der(tag, ...names.map((name) => der(0x30, name)));

export const ca = basicConstraints(hex("30030101ff"));
export const noCa = basicConstraints(hex("3000"));
export const signsCertificates = keyUsage(hex("03020204"));
export const signs = keyUsage(hex("03020780"));
export const serverAuth = purposes("2b06010505070301");
export const forHost = alternativeNames(dns(host));

export const authorityExtensions = [ca, signsCertificates];
export const leafExtensions = [noCa, signs, serverAuth, forHost];

/** @param issuer undefined: the certificate signs itself */
export function write(name: string, issuer: Written | undefined, parts: Parts = {}): Written {
  const keys = parts.keys ?? generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = parts.key ?? keys.publicKey.export({ type: "spki", format: "der" });
  const subject = parts.subject ?? commonName(name);
  const algorithm = parts.algorithm ?? ecdsaSha256;
  const extensions = parts.extensions ?? leafExtensions;
  const signed = der(
    0x30,
    parts.version ?? hex("a003020102"),
    parts.serialNumber ?? hex("020101"),
    algorithm,
    parts.issuer ?? issuer?.name ?? subject,
    parts.validity ??
      der(
        0x30,
        parts.notBefore ?? der(0x17, "260101000000Z"),
        parts.notAfter ?? der(0x17, "270101000000Z"),
      ),
    subject,
    key,
    parts.identifiers ?? none,
    parts.extensionsField ?? der(0xa3, der(0x30, ...extensions)),
    parts.more ?? none,
  );
  const signer = issuer?.privateKey ?? keys.privateKey;
  const { saltLength } = parts;
  const padded = { key: signer, padding: crypto.RSA_PKCS1_PSS_PADDING, saltLength };
  const signature = sign(
    parts.hash ?? "sha256",
    signed,
    saltLength === undefined ? signer : padded,
  );
  return {
    name: subject,
    privateKey: keys.privateKey,
    key,
    der: der(0x30, signed, parts.outerAlgorithm ?? algorithm, der(0x03, "\0", signature)),
  };
}

export function writeAuthority(
  name: string,
  issuer: Written | undefined,
  parts: Parts = {},
): Written {
  return write(name, issuer, { extensions: authorityExtensions, ...parts });
}
