import { X509Certificate, createPublicKey, type KeyObject } from "node:crypto";
import { readCertificateFields, type CertificateFields } from "./certificate-fields.js";
import {
  checkCertificate,
  checkIntermediate,
  checkIssuer,
  checkLeaf,
} from "./certificate-rules.js";

export interface ChainRequirements {
  trustedRoots: readonly X509Certificate[];
  /** The DNS name that the leaf must be valid for. */
  host: string;
  now: Date;
}

interface Certificate {
  x509: X509Certificate;
  fields: CertificateFields;
  /** Parsed from the same bytes as `fields.key`. */
  publicKey: KeyObject;
}

const mostCertificates = 8;

/**
 * Checks an `x5c` chain (RFC 7515, section 4.1.6: leaf first, each certified by the next) up to a
 * trusted root, after RFC 5280, section 6.1: signatures and their hashes, keys, dates, that issuers are
 * CAs for this purpose and for these names, path lengths, critical extensions. Policies are not evaluated: a
 * chain that requires them is refused. Revocation is not checked: it needs connections that the machine's owner can
 * block.
 *
 * @param chain DER certificates
 * @returns the leaf's public key
 * @throws Error that says which check failed
 */
export function verifyCertificateChain(
  chain: readonly Uint8Array[],
  { trustedRoots, host, now }: ChainRequirements,
): KeyObject {
  if (chain.length > mostCertificates) throw new Error(`a chain of ${chain.length} certificates`);
  const certificates = chain.map((der) => parseCertificate(der, "an entry of the chain"));
  const [leaf] = certificates;
  if (leaf === undefined) throw new Error("no certificates");
  for (const { fields } of certificates) checkDates(fields, now);
  checkHost(leaf, host);
  checkLeaf(leaf.fields);

  certificates.slice(1).forEach((issuer, index) => {
    const subject = certificates[index];
    if (subject === undefined || !isIssuedBy(subject, issuer)) {
      throw new Error(`certificate ${index} of the chain not issued by the one after it`);
    }
  });
  const path = completePath(certificates, trustedRoots, now);
  checkRepetitions(path);
  // The rules for a certificate itself do not apply to the trusted root; its rules for the others do (checkIssuer).
  for (const { fields } of path.slice(0, -1)) checkCertificate(fields);
  for (const { fields } of path.slice(1, -1)) checkIntermediate(fields);
  const fields = path.map((certificate) => certificate.fields);
  fields.slice(1).forEach((issuer, index) => {
    checkIssuer(issuer, fields.slice(0, index + 1));
  });
  return leaf.publicKey;
}

/**
 * Parses a certificate twice, with our reader and OpenSSL's, and requires that both read the same bytes: Node first
 * looks for a PEM certificate anywhere in its input, OpenSSL accepts BER, and both ignore trailing bytes.
 *
 * @throws Error if either reader fails, or they read different bytes
 */
function parseCertificate(der: Uint8Array, what: string): Certificate {
  try {
    const fields = readCertificateFields(der);
    const x509 = new X509Certificate(der);
    if (!x509.raw.equals(der)) throw new Error("a certificate that OpenSSL reads with other bytes");
    const key = Buffer.from(fields.key.encoded);
    return { x509, fields, publicKey: createPublicKey({ key, format: "der", type: "spki" }) };
  } catch (cause) {
    throw new Error(`${what} that is no certificate`, { cause });
  }
}

function checkHost({ x509 }: Certificate, host: string): void {
  if (x509.checkHost(host, { subject: "never", partialWildcards: false }) === undefined) {
    throw new Error(`a certificate that is not for ${host}`);
  }
}

/** @returns the path from the leaf to a trust anchor (RFC 5280, section 6.1); the leaf itself cannot be the anchor */
function completePath(
  certificates: readonly Certificate[],
  trustedRoots: readonly X509Certificate[],
  now: Date,
): Certificate[] {
  const last = certificates.at(-1);
  if (last === undefined) throw new Error("no certificates");
  const isTrusted = trustedRoots.some((root) => last.x509.raw.equals(root.raw));
  if (isTrusted && certificates.length > 1) return [...certificates];
  for (const root of trustedRoots) {
    if (!last.x509.checkIssued(root)) continue;
    const anchor = parseCertificate(root.raw, "a trusted root");
    if (isIssuedBy(last, anchor) && isCurrent(anchor.fields, now)) return [...certificates, anchor];
  }
  throw new Error("a chain that does not end in a trusted root");
}

/** @throws Error if a subject occurs twice with the same key, also in different certificates: the path has a loop */
function checkRepetitions(path: readonly Certificate[]): void {
  const holders = path.map(({ fields }) =>
    Buffer.concat([fields.subject.encoded, fields.key.encoded]).toString("base64"),
  );
  if (new Set(holders).size < holders.length) throw new Error("a certificate that comes twice");
}

/**
 * Compares names byte by byte (RFC 5280, section 6.1.3 (a)(4)), and checks the issuer's CA flag, the key identifiers and
 * the issuer's key usage (by OpenSSL), and the signature.
 */
function isIssuedBy(subject: Certificate, issuer: Certificate): boolean {
  return (
    Buffer.from(subject.fields.issuer.encoded).equals(issuer.fields.subject.encoded) &&
    issuer.fields.isCa &&
    subject.x509.checkIssued(issuer.x509) &&
    subject.x509.verify(issuer.publicKey)
  );
}

function isCurrent({ notBefore, notAfter }: CertificateFields, now: Date): boolean {
  return notBefore.date <= now && now <= notAfter.date;
}

function checkDates(fields: CertificateFields, now: Date): void {
  if (isCurrent(fields, now)) return;
  // The message has no dates: the certificate is not verified yet, so they may be anything.
  const isOver = fields.notAfter.date < now;
  throw new Error(`a certificate that is ${isOver ? "no longer" : "not yet"} valid`);
}
