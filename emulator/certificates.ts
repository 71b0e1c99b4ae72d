import "reflect-metadata";
import { KeyObject, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  cryptoProvider,
  type X509Certificate,
} from "@peculiar/x509";
import { hosts } from "./hosts.js";

const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const rsa = {
  name: "RSASSA-PKCS1-v1_5",
  hash: "SHA-256",
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
};
const lifetimeMs = 7 * 86_400_000;
/** Certificates are valid from this time before now, because clocks differ. */
const clockSkewMs = 300_000;

export interface CertifiedKey {
  privateKey: KeyObject;
  certificatePem: string;
  /** DER, leaf first, root last. */
  chain: Buffer[];
}

export interface Certificates {
  caPem: string;
  /** The TLS server's: it names all hosts. */
  tls: CertifiedKey;
  /** Signs Azure AD's tokens. */
  tokens: CertifiedKey;
  /** Signs attestation tokens. */
  attestation: CertifiedKey;
  otherAttestation: CertifiedKey;
  /** Signs release answers; its certificate names the vault. */
  release: CertifiedKey;
  otherRelease: CertifiedKey;
}

/** Creates a CA and all certificates of the emulator. The CA's private key is not kept. */
export async function createCertificates(): Promise<Certificates> {
  cryptoProvider.set(webcrypto);
  const caKeys = await webcrypto.subtle.generateKey(ecdsa, true, ["sign", "verify"]);
  const ca = await X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: "CN=confml emulator CA",
    ...validity(),
    keys: caKeys,
    signingAlgorithm: ecdsa,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
    ],
  });
  const certify = (algorithm: typeof ecdsa | typeof rsa, names: readonly string[]) =>
    certifyKey(ca, caKeys.privateKey, algorithm, names);
  const [tls, tokens, attestation, otherAttestation, release, otherRelease] = await Promise.all([
    certify(ecdsa, Object.values(hosts)),
    certify(rsa, [hosts.azureAd]),
    certify(rsa, [hosts.attestation]),
    certify(rsa, [hosts.otherAttestation]),
    certify(rsa, [hosts.managedHsm]),
    certify(rsa, [hosts.otherManagedHsm]),
  ]);
  const caPem = ca.toString("pem");
  return { caPem, tls, tokens, attestation, otherAttestation, release, otherRelease };
}

async function certifyKey(
  ca: X509Certificate,
  caKey: webcrypto.CryptoKey,
  algorithm: typeof ecdsa | typeof rsa,
  names: readonly string[],
): Promise<CertifiedKey> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: `CN=${names[0] ?? ""}`,
    issuer: ca.subject,
    ...validity(),
    publicKey: keys.publicKey,
    signingKey: caKey,
    signingAlgorithm: ecdsa,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns", value }))),
    ],
  });
  return {
    privateKey: KeyObject.from(keys.privateKey),
    certificatePem: certificate.toString("pem"),
    chain: [Buffer.from(certificate.rawData), Buffer.from(ca.rawData)],
  };
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - clockSkewMs), notAfter: new Date(now + lifetimeMs) };
}

function randomSerial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  // A serial number is positive (RFC 5280, section 4.1.2.2).
  bytes[0] = 1;
  return Buffer.from(bytes).toString("hex");
}
