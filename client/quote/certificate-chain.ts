import { equalBytes } from "../encoding.js";
import { VerificationError } from "../verification-error.js";
import { readCertificate, type Certificate } from "./certificate.js";
import { isSignedStructure } from "./ecdsa.js";
import { readPemChain } from "./pem.js";

/** A root that a client trusts. */
export interface TrustedRoot {
  /** DER */
  certificate: Uint8Array;
  /** Whether what it certifies is emulated, and so proves nothing. */
  emulated: boolean;
}

/** What a certificate is for. */
export interface Role {
  /** The common names of its subject that are allowed. */
  commonNames: readonly string[];
  /** Whether it certifies others. */
  isCa: boolean;
}

/** Intel, "SGX PCK Certificate and CRL Profile Specification", section 1.2. */
export const roles = {
  tcbSigning: { commonNames: ["Intel SGX TCB Signing"], isCa: false },
  pck: { commonNames: ["Intel SGX PCK Certificate"], isCa: false },
  pckCa: { commonNames: ["Intel SGX PCK Processor CA", "Intel SGX PCK Platform CA"], isCa: true },
} as const satisfies Record<string, Role>;

export interface CertificateChain {
  /** Without the root: the leaf first. */
  certificates: readonly [Certificate, ...Certificate[]];
  root: Certificate;
  /** The trusted root's entry. */
  trusted: TrustedRoot;
}

export interface ChainOptions {
  /** For messages. */
  name: string;
  /** From the leaf to the last before the root. */
  roles: readonly [Role, ...Role[]];
  roots: readonly TrustedRoot[];
  now: Date;
}

/**
 * Verifies a chain of certificates from a trusted root up: signatures, issuers, dates, roles (RFC 5280, section 6.1).
 * Revocation is checked elsewhere.
 *
 * @param pem leaf first, root last
 * @throws VerificationError CERTIFICATE_INVALID, ROOT_UNTRUSTED
 */
export async function verifyChain(pem: string, options: ChainOptions): Promise<CertificateChain> {
  const { name, roles: wanted, roots, now } = options;
  const refuse = (message: string, cause?: unknown): VerificationError =>
    new VerificationError("CERTIFICATE_INVALID", `${name}: ${message}`, { cause });
  const ders = readPemChain(pem);
  const rootDer = ders?.at(-1);
  if (ders?.length !== wanted.length + 1 || rootDer === undefined) {
    throw refuse(`expected a chain of ${wanted.length + 1} certificates in PEM`);
  }
  const trusted = roots.find(({ certificate }) => equalBytes(certificate, rootDer));
  if (trusted === undefined) throw untrustedRoot(name);
  try {
    const root = readCertificate(rootDer);
    requireCurrentCertificate(root, now);
    const certificates: Certificate[] = [];
    for (const [index, role] of [...wanted.entries()].reverse()) {
      const der = ders[index] ?? rootDer;
      const certificate = await readSigned(der, certificates[0] ?? root);
      requireRole(certificate, role);
      requireCurrentCertificate(certificate, now);
      certificates.unshift(certificate);
    }
    const [leaf, ...rest] = certificates;
    if (leaf === undefined) throw new RangeError("no certificate");
    return { certificates: [leaf, ...rest], root, trusted };
  } catch (cause) {
    if (cause instanceof RangeError) throw refuse(cause.message, cause);
    throw cause;
  }
}

function untrustedRoot(name: string): VerificationError {
  return new VerificationError(
    "ROOT_UNTRUSTED",
    `${name}: the chain ends at a root certificate that is not trusted: expected Intel's SGX root CA, ` +
      "or the emulator's where emulated evidence is allowed (--allow-emulated FILE)",
  );
}

async function readSigned(der: Uint8Array, issuer: Certificate): Promise<Certificate> {
  if (!(await isSignedStructure(der, issuer.publicKey))) {
    throw new RangeError("a certificate is not signed by the next one");
  }
  const certificate = readCertificate(der);
  if (issuer.isCa && equalBytes(certificate.issuer, issuer.subject)) return certificate;
  throw new RangeError("a certificate's issuer is not the next certificate, or no CA");
}

function requireRole({ commonName, isCa }: Certificate, role: Role): void {
  if (role.commonNames.includes(commonName ?? "") && isCa === role.isCa) return;
  throw new RangeError(
    `expected a certificate for ${role.commonNames.join(" or ")}, got one for another use`,
  );
}

function requireCurrentCertificate({ notBefore, notAfter }: Certificate, now: Date): void {
  if (now >= notBefore && now <= notAfter) return;
  const [from, to] = [notBefore.toISOString(), notAfter.toISOString()];
  throw new RangeError(
    `a certificate is valid from ${from} to ${to}, and it is ${now.toISOString()}`,
  );
}
