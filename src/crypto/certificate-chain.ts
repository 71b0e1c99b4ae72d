import { X509Certificate, type KeyObject } from "node:crypto";

export interface ChainRequirements {
  trustedRoots: readonly X509Certificate[];
  /** A DNS name that the leaf has to be for. */
  host: string;
  now: Date;
}

/**
 * Checks an `x5c` chain (RFC 7515, section 4.1.6: leaf first, each certified by the next) up to a
 * trusted root: issuers, signatures, dates, and that issuers are CAs (RFC 5280, section 6.1).
 *
 * @param chain DER certificates
 * @returns the leaf's public key
 * @throws Error that says which check failed
 */
export function verifyCertificateChain(
  chain: readonly Uint8Array[],
  { trustedRoots, host, now }: ChainRequirements,
): KeyObject {
  const certificates = chain.map(parseCertificate);
  const [leaf] = certificates;
  if (leaf === undefined) throw new Error("no certificates");
  for (const certificate of certificates) checkDates(certificate, now);

  if (leaf.ca) throw new Error("a CA's certificate in the leaf's place");
  if (leaf.checkHost(host, { subject: "never" }) === undefined) {
    throw new Error(`a certificate that is not for ${host}`);
  }
  certificates.slice(1).forEach((issuer, index) => {
    const subject = certificates[index];
    if (subject === undefined || !isIssuedBy(subject, issuer)) {
      throw new Error(`certificate ${index} of the chain not issued by the one after it`);
    }
  });
  const last = certificates[certificates.length - 1];
  if (last === undefined || !isAnchored(last, trustedRoots, now)) {
    throw new Error("a chain that does not end in a trusted root");
  }
  return leaf.publicKey;
}

function parseCertificate(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw new Error("an entry of the chain that is no certificate", { cause });
  }
}

function isAnchored(
  last: X509Certificate,
  trustedRoots: readonly X509Certificate[],
  now: Date,
): boolean {
  return trustedRoots.some((root) => {
    if (last.raw.equals(root.raw)) return true;
    return isIssuedBy(last, root) && isCurrent(root, now);
  });
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
