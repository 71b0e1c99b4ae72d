import { X509Certificate, type KeyObject } from "node:crypto";
import { readCertificateFields, type CertificateFields } from "./certificate-fields.js";
import { allowsNames } from "./name-constraints.js";

export interface ChainRequirements {
  trustedRoots: readonly X509Certificate[];
  /** A DNS name that the leaf has to be for. */
  host: string;
  now: Date;
}

interface Certificate {
  x509: X509Certificate;
  fields: CertificateFields;
}

const mostCertificates = 8;
const leastRsaBits = 2048;
const curves = ["prime256v1", "secp384r1", "secp521r1"];
/** serverAuth and anyExtendedKeyUsage (RFC 5280, section 4.2.1.12): a vault signs with its TLS name. */
const purposes = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"];

/**
 * Checks an `x5c` chain (RFC 7515, section 4.1.6: leaf first, each certified by the next) up to a
 * trusted root, after RFC 5280, section 6.1: signatures and their hashes, keys, dates, that issuers are
 * CAs for this and for these names, path lengths, critical extensions. Policies are not evaluated: a
 * chain that insists on them is refused.
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
  const certificates = chain.map(parseCertificate);
  const [leaf] = certificates;
  if (leaf === undefined) throw new Error("no certificates");
  for (const { x509 } of certificates) checkDates(x509, now);
  checkLeaf(leaf, host);

  const path = [...certificates];
  certificates.slice(1).forEach((issuer, index) => {
    const subject = certificates[index];
    if (subject === undefined || !isIssuedBy(subject.x509, issuer.x509)) {
      throw new Error(`certificate ${index} of the chain not issued by the one after it`);
    }
  });
  const last = certificates.at(-1) ?? leaf;
  const anchor = findAnchor(last.x509, trustedRoots, now);
  if (anchor === undefined) throw new Error("a chain that does not end in a trusted root");
  const isAnchorInChain = last.x509.raw.equals(anchor.raw);
  if (!isAnchorInChain) path.push(parseCertificate(anchor.raw));

  // An anchor is trusted for what it is; what it says of others counts.
  for (const certificate of path.slice(0, -1)) checkCertificate(certificate);
  path.slice(1).forEach((issuer, index) => {
    checkIssuer(issuer, path.slice(0, index + 1), leaf);
  });
  return leaf.x509.publicKey;
}

function parseCertificate(der: Uint8Array): Certificate {
  try {
    const x509 = new X509Certificate(der);
    // OpenSSL is not as strict: both are to have read the same bytes.
    if (!x509.raw.equals(der)) throw new Error("a certificate that is encoded otherwise");
    return { x509, fields: readCertificateFields(der) };
  } catch (cause) {
    throw new Error("an entry of the chain that is no certificate", { cause });
  }
}

function checkLeaf({ x509, fields }: Certificate, host: string): void {
  if (x509.ca) throw new Error("a CA's certificate in the leaf's place");
  if (x509.checkHost(host, { subject: "never", partialWildcards: false }) === undefined) {
    throw new Error(`a certificate that is not for ${host}`);
  }
  if (fields.keyUsage?.digitalSignature === false) {
    throw new Error("a leaf whose key is not for signatures");
  }
  if (!isForVaults(fields)) throw new Error("a leaf that is for other purposes");
}

function checkCertificate({ x509, fields }: Certificate): void {
  if (fields.signatureHash === undefined) {
    throw new Error("a certificate signed with an algorithm that is not relied on");
  }
  if (!isStrong(x509.publicKey)) throw new Error("a certificate with a weak key");
  const [unknown] = fields.unknownCritical;
  if (unknown !== undefined) throw new Error(`a critical extension that is not known: ${unknown}`);
}

/** @param below what the issuer stands above, the leaf first */
function checkIssuer({ fields }: Certificate, below: Certificate[], leaf: Certificate): void {
  if (fields.keyUsage?.keyCertSign === false) {
    throw new Error("an issuer whose key is not for certificates");
  }
  if (!isForVaults(fields)) throw new Error("an issuer that is for other purposes");
  // RFC 5280, section 4.2.1.9: CAs that only certify themselves anew don't count, nor does the leaf.
  const authorities = below.slice(1).filter(({ x509 }) => x509.subject !== x509.issuer);
  if (authorities.length > (fields.pathLength ?? mostCertificates)) {
    throw new Error("a chain longer than an issuer allows");
  }
  if (!allowsNames(fields.nameConstraints, leaf.fields.subjectAltNames)) {
    throw new Error("a leaf with names that an issuer may not certify");
  }
}

function isForVaults({ extendedKeyUsage }: CertificateFields): boolean {
  return extendedKeyUsage?.some((purpose) => purposes.includes(purpose)) ?? true;
}

function isStrong({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType === "ec") return curves.includes(asymmetricKeyDetails?.namedCurve ?? "");
  const isRsa = asymmetricKeyType === "rsa" || asymmetricKeyType === "rsa-pss";
  return isRsa && (asymmetricKeyDetails?.modulusLength ?? 0) >= leastRsaBits;
}

function findAnchor(
  last: X509Certificate,
  trustedRoots: readonly X509Certificate[],
  now: Date,
): X509Certificate | undefined {
  return (
    trustedRoots.find((root) => last.raw.equals(root.raw)) ??
    trustedRoots.find((root) => isIssuedBy(last, root) && isCurrent(root, now))
  );
}

function isIssuedBy(subject: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function isCurrent(certificate: X509Certificate, now: Date): boolean {
  return new Date(certificate.validFrom) <= now && now <= new Date(certificate.validTo);
}

function checkDates(certificate: X509Certificate, now: Date): void {
  if (!isCurrent(certificate, now)) {
    throw new Error(`a certificate valid from ${certificate.validFrom} to ${certificate.validTo}`);
  }
}
