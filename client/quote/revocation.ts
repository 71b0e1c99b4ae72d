import { equalBytes, fromHex, toHex } from "../encoding.js";
import { VerificationError } from "../verification-error.js";
import { content, readTime, type Certificate } from "./certificate.js";
import { derTags, readDer, readDerSequence } from "./der.js";
import { isSignedStructure } from "./ecdsa.js";

/** A CRL whose signature, issuer and dates were checked. */
export interface VerifiedCrl {
  issuer: Certificate;
  /** Hexadecimal, as Certificate.serialNumber, without leading zeros. */
  revoked: ReadonlySet<string>;
}

/**
 * Verifies a certificate revocation list (RFC 5280, section 6.3.3, without delta lists and distribution points, which Intel
 * does not use).
 *
 * @param text DER in hexadecimal
 * @param issuer a verified CA
 * @throws VerificationError COLLATERAL_INVALID, COLLATERAL_EXPIRED
 */
export async function verifyCrl(
  name: string,
  text: string,
  issuer: Certificate,
  now: Date,
): Promise<VerifiedCrl> {
  const der = fromHex(text) ?? new Uint8Array();
  const isSigned = await isSignedStructure(der, issuer.publicKey);
  const crl = isSigned ? readCrl(der) : undefined;
  if (crl === undefined || !equalBytes(crl.issuer, issuer.subject)) {
    throw new VerificationError("COLLATERAL_INVALID", `${name}: not a CRL with its CA's signature`);
  }
  requireCurrent(name, crl.thisUpdate, crl.nextUpdate, now);
  return { issuer, revoked: new Set(crl.revoked) };
}

interface Crl {
  /** DER of the name. */
  issuer: Uint8Array;
  thisUpdate: Date;
  nextUpdate: Date;
  /** Serial numbers. */
  revoked: readonly string[];
}

/** RFC 5280, section 5.1. @returns undefined for a CRL of another form, or without a next update */
function readCrl(der: Uint8Array): Crl | undefined {
  try {
    const [tbs] = readDerSequence(der);
    const fields = readDer(content(tbs, derTags.sequence));
    const [version, , issuer, thisUpdate, nextUpdate, list] = fields;
    content(version, derTags.integer);
    content(issuer, derTags.sequence);
    const entries = list?.tag === derTags.sequence ? readDer(list.content) : [];
    return {
      issuer: issuer?.whole ?? new Uint8Array(),
      thisUpdate: readTime(thisUpdate),
      nextUpdate: readTime(nextUpdate),
      revoked: entries.map(({ whole }) => {
        const [serial] = readDerSequence(whole);
        return plain(toHex(content(serial, derTags.integer)));
      }),
    };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws VerificationError COLLATERAL_EXPIRED where it is not yet or no longer valid */
export function requireCurrent(name: string, from: Date, to: Date, now: Date): void {
  if (now >= from && now <= to) return;
  throw new VerificationError(
    "COLLATERAL_EXPIRED",
    `${name}: expected collateral for ${now.toISOString()}, got some for ${from.toISOString()} to ${to.toISOString()}; ` +
      "fetch newer collateral",
  );
}

/** @throws VerificationError CERTIFICATE_REVOKED */
export function requireNotRevoked(name: string, certificate: Certificate, crl: VerifiedCrl): void {
  if (!crl.revoked.has(plain(certificate.serialNumber))) return;
  throw new VerificationError(
    "CERTIFICATE_REVOKED",
    `${name}: its CA has revoked the certificate ${certificate.serialNumber}`,
  );
}

/** Serial numbers are compared as numbers. */
function plain(serialNumber: string): string {
  return serialNumber.replace(/^0+/u, "");
}
