import { createHash, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import type { X509Certificate } from "@peculiar/x509";
import {
  createCrl,
  createPlatformCertificates,
  platform,
  privateKeyOf,
  toPemChain,
  type PlatformCertificates,
  type Validity,
} from "./platform-certificates.js";
import {
  publicPoint,
  writeCertification,
  writeReportBody,
  type EnclaveReport,
} from "./sgx-quote.js";

export interface PlatformOptions {
  validity?: Validity;
  /** Status of the platform's TCB level; default: UpToDate. */
  tcbStatus?: string;
  advisories?: readonly string[];
  /** Certificates of the platform that are revoked. */
  revoked?: readonly ("pck" | "pckCa" | "tcbSigning")[];
  /** Validity of the CRLs; default: `validity`. */
  crlValidity?: Validity;
  /** Members that replace those of the TCB information and of the QE identity before these are signed. */
  tcbInfo?: object;
  qeIdentity?: object;
  /** Fields that replace those of the quoting enclave's report, which otherwise match its identity. */
  quotingEnclave?: Partial<EnclaveReport>;
}

/** dcap-qvl's JSON form of what Intel publishes: chains in PEM, CRLs (DER) and signatures in hexadecimal. */
export interface PlatformCollateral {
  pck_crl_issuer_chain: string;
  root_ca_crl: string;
  pck_crl: string;
  tcb_info_issuer_chain: string;
  tcb_info: string;
  tcb_info_signature: string;
  qe_identity_issuer_chain: string;
  qe_identity: string;
  qe_identity_signature: string;
}

/** A machine with SGX, emulated: everything that Intel certifies is certified by a root of the emulator's own. */
export interface SgxPlatform {
  /** The private attestation key, PKCS #8 PEM, and what certifies it, in a PEM block of the emulator's own. */
  quotingKeyPem: string;
  /** The root, for verifiers that are to accept emulated evidence. */
  rootPem: string;
  collateral: PlatformCollateral;
}

const day = 86_400_000;
/** Clocks differ. */
const clockSkewMs = 300_000;
const qeMrsigner = createHash("sha256").update("confml emulator quoting enclave").digest();
const qeAuthenticationData = Buffer.from(Array.from({ length: 32 }, (_, index) => index));

/** Creates the platform and its quoting enclave; the private keys of its CAs are not kept. */
export async function createSgxPlatform(options: PlatformOptions = {}): Promise<SgxPlatform> {
  const now = Date.now();
  const {
    validity = { notBefore: new Date(now - clockSkewMs), notAfter: new Date(now + 7 * day) },
  } = options;
  const certificates = await createPlatformCertificates(validity);
  const quotingKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const certification = certifyQuotingKey(quotingKey, certificates, options.quotingEnclave);
  const keyPem = quotingKey.export({ type: "pkcs8", format: "pem" }).toString();
  return {
    quotingKeyPem: keyPem + writeCertification(certification),
    rootPem: toPemChain(certificates.root),
    collateral: await createCollateral(certificates, validity, options),
  };
}

/**
 * What stands in a quote behind the attestation key: the quoting enclave's report and its signature, its authentication data,
 * the PCK certificate chain (Intel, "SGX ECDSA Quote Library API", appendix A.4, tables 6 to 9).
 */
function certifyQuotingKey(
  quotingKey: KeyObject,
  { pck, pckCa, root }: PlatformCertificates,
  change: Partial<EnclaveReport> = {},
): Buffer {
  const reportData = Buffer.alloc(64);
  createHash("sha256")
    .update(publicPoint(quotingKey))
    .update(qeAuthenticationData)
    .digest()
    .copy(reportData);
  const report = writeReportBody({
    mrenclave: createHash("sha256").update("confml emulator quoting enclave, 1").digest(),
    mrsigner: qeMrsigner,
    productId: 1,
    securityVersion: 8,
    debuggable: false,
    reportData,
    ...change,
  });
  const signature = sign("sha256", report, {
    key: privateKeyOf(pck),
    dsaEncoding: "ieee-p1363",
  });
  const chain = Buffer.from(toPemChain(pck, pckCa, root));
  const sizes = { authentication: Buffer.alloc(2), chain: Buffer.alloc(6) };
  sizes.authentication.writeUInt16LE(qeAuthenticationData.length);
  sizes.chain.writeUInt16LE(5);
  sizes.chain.writeUInt32LE(chain.length, 2);
  return Buffer.concat([
    report,
    signature,
    sizes.authentication,
    qeAuthenticationData,
    sizes.chain,
    chain,
  ]);
}

async function createCollateral(
  certificates: PlatformCertificates,
  validity: Validity,
  options: PlatformOptions,
): Promise<PlatformCollateral> {
  const { tcbStatus = "UpToDate", advisories = [], revoked = [] } = options;
  const { crlValidity = validity } = options;
  const { root, pckCa, tcbSigning } = certificates;
  const dates = {
    issueDate: toSeconds(validity.notBefore),
    nextUpdate: toSeconds(validity.notAfter),
    tcbEvaluationDataNumber: 20,
  };
  const tcbInfo = JSON.stringify({
    ...describeTcb(dates, { tcbStatus, advisoryIDs: advisories }),
    ...options.tcbInfo,
  });
  const qeIdentity = JSON.stringify({ ...describeQuotingEnclave(dates), ...options.qeIdentity });
  const signText = (text: string): string =>
    sign("sha256", Buffer.from(text), {
      key: privateKeyOf(tcbSigning),
      dsaEncoding: "ieee-p1363",
    }).toString("hex");
  const listed = (name: "pck" | "pckCa" | "tcbSigning"): X509Certificate[] =>
    revoked.includes(name) ? [certificates[name].certificate] : [];
  const rootCrl = await createCrl(root, [...listed("pckCa"), ...listed("tcbSigning")], crlValidity);
  const pckCrl = await createCrl(pckCa, listed("pck"), crlValidity);
  const tcbChain = toPemChain(tcbSigning, root);
  return {
    pck_crl_issuer_chain: toPemChain(pckCa, root),
    root_ca_crl: rootCrl.toString("hex"),
    pck_crl: pckCrl.toString("hex"),
    tcb_info_issuer_chain: tcbChain,
    tcb_info: tcbInfo,
    tcb_info_signature: signText(tcbInfo),
    qe_identity_issuer_chain: tcbChain,
    qe_identity: qeIdentity,
    qe_identity_signature: signText(qeIdentity),
  };
}

/** Intel's API, version 4: TCB info of version 3, with one level. */
function describeTcb(dates: object, status: object): object {
  return {
    id: "SGX",
    version: 3,
    ...dates,
    fmspc: platform.fmspc.toString("hex").toUpperCase(),
    pceId: platform.pceId.toString("hex"),
    tcbType: 0,
    tcbLevels: [
      {
        tcb: {
          sgxtcbcomponents: platform.svns.map((svn) => ({ svn })),
          pcesvn: platform.pceSvn,
        },
        tcbDate: "2026-01-01T00:00:00Z",
        ...status,
      },
    ],
  };
}

/** Intel's API, version 4: enclave identity of version 2. */
function describeQuotingEnclave(dates: object): object {
  return {
    id: "QE",
    version: 2,
    ...dates,
    miscselect: "00000000",
    miscselectMask: "FFFFFFFF",
    attributes: "05000000000000000000000000000000",
    attributesMask: "FFFFFFFFFFFFFFFF0000000000000000",
    mrsigner: qeMrsigner.toString("hex").toUpperCase(),
    isvprodid: 1,
    tcbLevels: [{ tcb: { isvsvn: 8 }, tcbDate: "2026-01-01T00:00:00Z", tcbStatus: "UpToDate" }],
  };
}

/** Intel's times have no milliseconds. */
function toSeconds(date: Date): string {
  return date.toISOString().replace(/\.\d{3}Z$/u, "Z");
}
