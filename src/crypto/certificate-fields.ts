import { readCertificateExtensions, type CertificateExtensions } from "./certificate-extensions.js";
import { readCertificateKey, type CertificateKey } from "./certificate-key.js";
import { readDistinguishedName, type DistinguishedName } from "./certificate-names.js";
import { readTime, type CertificateTime } from "./certificate-time.js";
import { DerSequence, contextTag, readDer, tags, type DerValue } from "./der.js";
import { readBitStringBytes, readInteger, readSmallInteger } from "./der-values.js";
import { signatureHashOf, type SignatureHash } from "./signature-algorithm.js";

/** The fields of a certificate in DER (RFC 5280, section 4.1). */
export interface CertificateFields extends CertificateExtensions {
  /** 1 or 3. */
  version: number;
  /** The content of the INTEGER: two's complement, most significant byte first. */
  serialNumber: Uint8Array;
  /** Hash of the signature; undefined if the signature algorithm is not accepted (signature-algorithm.ts). */
  signatureHash: SignatureHash | undefined;
  issuer: DistinguishedName;
  notBefore: CertificateTime;
  notAfter: CertificateTime;
  subject: DistinguishedName;
  key: CertificateKey;
}

/** The encoded value of version 3. Version 2 is refused: it is for unique identifiers, which section 4.1.2.8 forbids. */
const v3 = 2;

/**
 * Reads all fields of a certificate except the value of its signature.
 *
 * @param der a whole certificate and nothing else
 * @throws Error if it is not DER, or not a certificate
 */
export function readCertificateFields(der: Uint8Array): CertificateFields {
  const certificate = new DerSequence(readDer(der, tags.sequence));
  const tbs = new DerSequence(certificate.take(tags.sequence));
  const outer = certificate.take(tags.sequence).whole;
  readBitStringBytes(certificate.take(tags.bitString));
  certificate.end();

  const version = readVersion(tbs.takeOptional(contextTag(0)));
  const serialNumber = readInteger(tbs.take(tags.integer));
  const inner = Buffer.from(tbs.take(tags.sequence).whole);
  // RFC 5280, section 4.1.1.2.
  if (!inner.equals(outer)) {
    throw new Error("a certificate with two different signature algorithms");
  }
  const issuer = readDistinguishedName(tbs.take(tags.sequence));
  const validity = readValidity(tbs.take(tags.sequence));
  const subject = readDistinguishedName(tbs.take(tags.sequence));
  const key = readCertificateKey(tbs.take(tags.sequence));
  const extensions = tbs.takeOptional(contextTag(3));
  tbs.end();
  if (extensions !== undefined && version !== 3) {
    throw new Error(`extensions in a certificate of version ${version}`);
  }
  return {
    version,
    serialNumber,
    signatureHash: signatureHashOf(inner),
    issuer,
    ...validity,
    subject,
    key,
    ...readCertificateExtensions(extensions),
  };
}

/** Section 4.1.2.1: `DEFAULT v1`. */
function readVersion(field: DerValue | undefined): number {
  if (field === undefined) return 1;
  const version = readSmallInteger(readDer(field.content, tags.integer));
  if (version !== v3) throw new Error(`a certificate of version ${version + 1}, not 3`);
  return version + 1;
}

function readValidity(value: DerValue): Pick<CertificateFields, "notBefore" | "notAfter"> {
  const parts = new DerSequence(value);
  const notBefore = readTime(parts.takeAny());
  const notAfter = readTime(parts.takeAny());
  parts.end();
  if (notAfter.date < notBefore.date) {
    throw new Error("a certificate that ends before it begins");
  }
  return { notBefore, notAfter };
}
