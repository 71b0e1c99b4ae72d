import type { CertificateFields } from "./certificate-fields.js";
import { forms, isDnsName } from "./certificate-names.js";
import { allowsNames, namesOf } from "./name-constraints.js";

/** serverAuth and anyExtendedKeyUsage (RFC 5280, section 4.2.1.12): a vault's signing certificate is for its TLS name. */
const purposes = ["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"];
const mostSerialBytes = 20;

/**
 * Checks what RFC 5280 requires of each certificate except trusted roots: some of Node's roots break these rules.
 * Version 1 needs no rule of its own: without extensions a certificate is neither a CA's nor valid for a host.
 *
 * @throws Error that says which rule is broken
 */
export function checkCertificate(fields: CertificateFields): void {
  if (fields.signatureHash === undefined) {
    throw new Error("a certificate signed with an algorithm that is not relied on");
  }
  if (!fields.key.isStrong) throw new Error("a certificate with a weak key");
  checkSerialNumber(fields.serialNumber);
  if (!fields.notBefore.isFormOfItsYear || !fields.notAfter.isFormOfItsYear) {
    throw new Error("a certificate with GeneralizedTime before 2050");
  }
  if (fields.issuer.isEmpty) throw new Error("a certificate whose issuer has no name");
  // Section 4.1.2.6; a CA without a name fails as the issuer of another certificate.
  if (fields.subject.isEmpty && !fields.critical.has("subjectAltName")) {
    throw new Error("a certificate whose holder has no name");
  }
  if (fields.keyUsage?.isMinimal === false) {
    throw new Error("a certificate with a key usage that is not DER");
  }
  const dnsNames = fields.subjectAltNames.filter(({ form }) => form === forms.dns);
  if (!dnsNames.every(({ text }) => isDnsName(text.replace(/^\*\./u, "")))) {
    throw new Error("a certificate for a DNS name that is not of letters, digits and hyphens");
  }
  checkCritical(fields);
}

/**
 * Checks that a leaf may be a vault's certificate: no CA, for signatures, for TLS servers.
 *
 * @throws Error that says which rule is broken
 */
export function checkLeaf(fields: CertificateFields): void {
  if (fields.isCa) throw new Error("a CA's certificate in the leaf's place");
  // Sections 4.2.1.3 and 4.2.1.10: for CAs alone.
  if (fields.keyUsage?.keyCertSign === true || fields.nameConstraints !== undefined) {
    throw new Error("a leaf that claims what only a CA may have");
  }
  if (fields.keyUsage?.digitalSignature === false) {
    throw new Error("a leaf whose key is not for signatures");
  }
  if (!isForVaults(fields)) throw new Error("a leaf that is for other purposes");
}

/**
 * Checks what section 6.1.4 requires of an issuer. Without a key usage, its CA flag alone counts (section 6.1.4 (n)). An
 * issuer without a purpose cannot give it to the certificates below it.
 *
 * @param below the certificates between the issuer and the leaf, the leaf first
 * @throws Error that says which rule is broken
 */
export function checkIssuer(issuer: CertificateFields, below: readonly CertificateFields[]): void {
  if (issuer.keyUsage?.keyCertSign === false) {
    throw new Error("an issuer whose key is not for certificates");
  }
  if (!isForVaults(issuer)) throw new Error("an issuer that is for other purposes");
  checkCritical(issuer);
  const [leaf, ...authorities] = below;
  // Section 4.2.1.9: self-issued CAs and the leaf do not count.
  const counted = authorities.filter((authority) => !isSelfIssued(authority));
  if (issuer.pathLength !== undefined && counted.length > issuer.pathLength) {
    throw new Error("a chain longer than an issuer allows");
  }
  // Section 6.1.3 (b) and (c): the same, but the leaf's names always count.
  for (const holder of leaf === undefined ? counted : [leaf, ...counted]) {
    if (!allowsNames(issuer.nameConstraints, namesOf(holder))) {
      throw new Error("a certificate with names that an issuer may not certify");
    }
  }
}

/** @throws Error for an intermediate whose basicConstraints are not critical (section 4.2.1.9) */
export function checkIntermediate({ critical }: CertificateFields): void {
  if (!critical.has("basicConstraints")) {
    throw new Error("an issuer whose basic constraints are not critical");
  }
}

function isSelfIssued({ issuer, subject }: CertificateFields): boolean {
  return Buffer.from(subject.encoded).equals(issuer.encoded);
}

function isForVaults({ extendedKeyUsage }: CertificateFields): boolean {
  return extendedKeyUsage?.some((purpose) => purposes.includes(purpose)) ?? true;
}

/** Characters of an extension's OID that a message repeats. */
const longestName = 32;

/** Section 4.1.2.2: positive, in at most 20 bytes. */
function checkSerialNumber(bytes: Uint8Array): void {
  const isPositive = (bytes[0] ?? 0x80) < 0x80 && bytes.some((byte) => byte !== 0);
  if (!isPositive || bytes.length > mostSerialBytes) {
    throw new Error("a certificate whose serial number is not positive, or of over 20 bytes");
  }
}

function checkCritical({ unknownCritical: [unknown] }: CertificateFields): void {
  if (unknown === undefined) return;
  // No registered extension has a longer one, which could encode any text.
  const name = unknown.length <= longestName ? unknown : `an OID of ${unknown.length} characters`;
  throw new Error(`a critical extension that is not known: ${name}`);
}
