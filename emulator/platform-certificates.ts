import "reflect-metadata";
import { KeyObject, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
  cryptoProvider,
  type X509Certificate,
} from "@peculiar/x509";
import { derEnumerated, derInteger, derOctets, derOid, derSequence } from "./der.js";

const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

export interface Validity {
  notBefore: Date;
  notAfter: Date;
}

export interface PlatformKey {
  certificate: X509Certificate;
  keys: webcrypto.CryptoKeyPair;
}

/** The certificates that Intel's provisioning service issues, below a root of the emulator's own. */
export interface PlatformCertificates {
  root: PlatformKey;
  pckCa: PlatformKey;
  pck: PlatformKey;
  tcbSigning: PlatformKey;
}

/** What the PCK certificate states; numbers of 6, 2 and 16 bytes. */
export const platform = {
  fmspc: Buffer.from("00c0ffee0000", "hex"),
  pceId: Buffer.from("0000", "hex"),
  svns: Array.from({ length: 16 }, () => 5),
  pceSvn: 13,
} as const;
/** Intel, "SGX PCK Certificate and CRL Profile Specification", section 1.3.5. */
const sgxOid = "1.2.840.113741.1.13.1";

/** Creates the certificates and CRLs of an SGX platform under a root CA of its own, in place of Intel's. */
export async function createPlatformCertificates(
  validity: Validity,
): Promise<PlatformCertificates> {
  cryptoProvider.set(webcrypto);
  const rootKeys = await webcrypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
  const root = {
    keys: rootKeys,
    certificate: await X509CertificateGenerator.createSelfSigned({
      serialNumber: randomSerial(),
      name: "CN=confml emulator SGX Root CA",
      ...validity,
      keys: rootKeys,
      signingAlgorithm: ecdsa,
      extensions: usage(true),
    }),
  };
  const certify = (issuer: PlatformKey, commonName: string, extensions: Extension[]) =>
    certifyKey(issuer, commonName, extensions, validity);
  const pckCa = await certify(root, "Intel SGX PCK Platform CA", usage(true));
  const pck = await certify(pckCa, "Intel SGX PCK Certificate", [...usage(false), sgxExtension()]);
  const tcbSigning = await certify(root, "Intel SGX TCB Signing", usage(false));
  return { root, pckCa, pck, tcbSigning };
}

/** Makes a CRL. @returns DER */
export async function createCrl(
  { certificate, keys }: PlatformKey,
  revoked: readonly X509Certificate[],
  { notBefore, notAfter }: Validity,
): Promise<Buffer> {
  const crl = await X509CrlGenerator.create({
    issuer: certificate.subject,
    thisUpdate: notBefore,
    nextUpdate: notAfter,
    entries: revoked.map(({ serialNumber }) => ({ serialNumber, revocationDate: notBefore })),
    signingAlgorithm: ecdsa,
    signingKey: keys.privateKey,
  });
  return Buffer.from(crl.rawData);
}

/** Concatenates certificates in PEM. */
export function toPemChain(...keys: readonly PlatformKey[]): string {
  return keys.map(({ certificate }) => `${certificate.toString("pem")}\n`).join("");
}

/** @returns the private key for node:crypto */
export function privateKeyOf({ keys }: PlatformKey): KeyObject {
  return KeyObject.from(keys.privateKey);
}

async function certifyKey(
  issuer: PlatformKey,
  commonName: string,
  extensions: Extension[],
  validity: Validity,
): Promise<PlatformKey> {
  const keys = await webcrypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: `CN=${commonName}`,
    issuer: issuer.certificate.subject,
    ...validity,
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: ecdsa,
    extensions,
  });
  return { certificate, keys };
}

/** A key usage with keyCertSign and cRLSign: a BIT STRING with one unused bit (RFC 5280, section 4.2.1.3). */
const caUsage = new Extension("2.5.29.15", true, Uint8Array.of(0x03, 0x02, 0x01, 0x06));

function usage(isCa: boolean): Extension[] {
  const keyUsage = isCa ? caUsage : new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true);
  return [new BasicConstraintsExtension(isCa, undefined, true), keyUsage];
}

function sgxExtension(): Extension {
  const field = (path: string, value: Buffer): Buffer =>
    derSequence(derOid(`${sgxOid}.${path}`), value);
  const svns = platform.svns.map((svn, index) => field(`2.${index + 1}`, derInteger(svn)));
  const tcb = derSequence(
    ...svns,
    field("2.17", derInteger(platform.pceSvn)),
    field("2.18", derOctets(Buffer.from(platform.svns))),
  );
  const value = derSequence(
    field("1", derOctets(Buffer.alloc(16))),
    field("2", tcb),
    field("3", derOctets(platform.pceId)),
    field("4", derOctets(platform.fmspc)),
    field("5", derEnumerated(0)),
  );
  return new Extension(sgxOid, false, new Uint8Array(value));
}

function randomSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  // A serial number is positive (RFC 5280, section 4.1.2.2).
  bytes[0] = 1;
  return Buffer.from(bytes).toString("hex");
}
