import { concatBytes, equalBytes, fromHex, sha256, toHex } from "../encoding.js";
import { VerificationError } from "../verification-error.js";
import { roles, verifyChain } from "./certificate-chain.js";
import type { TrustOptions, VerifiedCollateral } from "./collateral.js";
import { isSignedBy } from "./ecdsa.js";
import { parseQuote, type TdReport, type UnverifiedQuote } from "./parse-quote.js";
import { readPckExtension, sgxExtension, type PlatformTcb } from "./pck-extension.js";
import { requireNotRevoked } from "./revocation.js";
import { converge, isvLevel, reaches, type TcbResult } from "./tcb.js";
import { tdxModuleLevel } from "./tdx-module.js";

/** A quote whose signatures hold, from a quoting enclave of Intel's on a platform that Intel knows. */
export interface VerifiedQuote {
  body: UnverifiedQuote["body"];
  /** 64 bytes */
  reportData: Uint8Array;
  /** Of the platform, its quoting enclave and its TDX module together. */
  tcb: TcbResult;
  /** The lower one of the two numbers of TCB information and QE identity. */
  tcbEvaluationDataNumber: number;
  /** Whether the quote ends at a root that is trusted as an emulator's. */
  emulated: boolean;
}

/**
 * Verifies a quote with verified collateral (Intel, "SGX ECDSA Quote Library API", section 2, and its Quote Verification
 * Library): the PCK certificate, the quoting enclave's report and identity, the attestation key, the quote, the status of the
 * platform.
 *
 * @throws VerificationError QUOTE_MALFORMED, EVIDENCE_UNSUPPORTED, CERTIFICATE_INVALID, CERTIFICATE_REVOKED, ROOT_UNTRUSTED,
 *   QUOTE_SIGNATURE_INVALID, QUOTING_ENCLAVE_REFUSED, COLLATERAL_INVALID, TCB_UNKNOWN, TCB_REVOKED
 */
export async function verifyQuote(
  bytes: Uint8Array,
  collateral: VerifiedCollateral,
  trust: TrustOptions,
): Promise<VerifiedQuote> {
  const quote = parseQuote(bytes);
  const platform = await verifyPlatform(quote, collateral, trust);
  await verifySignatures(quote, platform.key);
  const qe = verifyQuotingEnclave(quote, collateral);
  const tcb = converge(platformLevel(quote, collateral, platform.tcb), qe);
  if (tcb.status === "Revoked") {
    throw new VerificationError("TCB_REVOKED", "Intel has revoked the platform's TCB level");
  }
  return {
    body: quote.body,
    reportData: quote.body.report.reportData,
    tcb,
    tcbEvaluationDataNumber: Math.min(
      collateral.tcbInfo.tcbEvaluationDataNumber,
      collateral.qeIdentity.tcbEvaluationDataNumber,
    ),
    emulated: collateral.root.emulated,
  };
}

/** Verifies the PCK certificate. @returns its key and what it states about the platform */
async function verifyPlatform(
  { certificateChain }: UnverifiedQuote,
  { rootCrl, pckCrl, root }: VerifiedCollateral,
  { roots, now }: TrustOptions,
): Promise<{ key: Uint8Array; tcb: PlatformTcb }> {
  const name = "PCK certificate";
  const pem = new TextDecoder("latin1").decode(certificateChain);
  const chain = await verifyChain(pem, { name, roles: [roles.pck, roles.pckCa], roots, now });
  const [pck, ca] = chain.certificates;
  if (ca === undefined || chain.trusted !== root) {
    throw new VerificationError("COLLATERAL_INVALID", "collateral: of another root than the quote");
  }
  const isSameCa =
    equalBytes(ca.subject, pckCrl.issuer.subject) &&
    equalBytes(ca.publicKey, pckCrl.issuer.publicKey);
  if (!isSameCa) {
    throw new VerificationError(
      "COLLATERAL_INVALID",
      "pck_crl: of another CA than the PCK certificate's",
    );
  }
  requireNotRevoked(name, ca, rootCrl);
  requireNotRevoked(name, pck, pckCrl);
  const extension = pck.extensions.get(sgxExtension);
  if (extension === undefined) {
    throw new VerificationError("CERTIFICATE_INVALID", `${name}: expected an SGX extension`);
  }
  return { key: pck.publicKey, tcb: readPckExtension(extension) };
}

/** The platform's key signs the quoting enclave's report, which holds the hash of the attestation key, which signs the quote. */
async function verifySignatures(quote: UnverifiedQuote, platformKey: Uint8Array): Promise<void> {
  const { attestationKey, qeAuthenticationData, qeReport, qeReportBytes, qeReportSignature } =
    quote;
  if (!(await isSignedBy(platformKey, qeReportSignature, qeReportBytes))) {
    throw new VerificationError(
      "QUOTE_SIGNATURE_INVALID",
      "the quoting enclave's report is not signed by the PCK certificate's key",
    );
  }
  const hash = await sha256(concatBytes(attestationKey, qeAuthenticationData));
  if (!equalBytes(qeReport.reportData, concatBytes(hash, new Uint8Array(32)))) {
    throw new VerificationError(
      "QUOTE_SIGNATURE_INVALID",
      "the attestation key is not the one that the quoting enclave reports",
    );
  }
  if (!(await isSignedBy(attestationKey, quote.signature, quote.signed))) {
    throw new VerificationError(
      "QUOTE_SIGNATURE_INVALID",
      "the quote is not signed by its attestation key",
    );
  }
}

/** @returns the status of the quoting enclave's version */
function verifyQuotingEnclave(
  { body, qeReport }: UnverifiedQuote,
  { qeIdentity }: VerifiedCollateral,
): TcbResult {
  const { miscSelect, attributes, mrsigner, productId, securityVersion } = qeReport;
  const isExpected =
    qeIdentity.id === (body.type === "sgx" ? "QE" : "TD_QE") &&
    toHex(mrsigner) === qeIdentity.mrsigner.toLowerCase() &&
    productId === qeIdentity.isvprodid &&
    equalsMasked(miscSelect, qeIdentity.miscselect, qeIdentity.miscselectMask) &&
    equalsMasked(attributes, qeIdentity.attributes, qeIdentity.attributesMask);
  if (!isExpected) {
    throw new VerificationError(
      "QUOTING_ENCLAVE_REFUSED",
      "the quote is not from the quoting enclave that Intel's QE identity describes",
    );
  }
  const level = isvLevel(qeIdentity.tcbLevels, securityVersion);
  if (level !== undefined) return level;
  throw new VerificationError(
    "TCB_UNKNOWN",
    "the quoting enclave is older than all versions that Intel lists",
  );
}

/** @returns the status of the platform, with its TDX module's */
function platformLevel(
  { body }: UnverifiedQuote,
  { tcbInfo }: VerifiedCollateral,
  { fmspc, pceId, components, pceSvn }: PlatformTcb,
): TcbResult {
  const isOfPlatform =
    tcbInfo.id === (body.type === "sgx" ? "SGX" : "TDX") &&
    tcbInfo.fmspc.toUpperCase() === fmspc &&
    tcbInfo.pceId.toLowerCase() === pceId;
  if (!isOfPlatform) {
    throw new VerificationError(
      "COLLATERAL_INVALID",
      `tcb_info: expected TCB information of ${body.type} for FMSPC ${fmspc}, got ${tcbInfo.id} for ${tcbInfo.fmspc}`,
    );
  }
  const level = tcbInfo.tcbLevels.find(
    ({ tcb }) =>
      reaches(components, tcb.sgxtcbcomponents) &&
      pceSvn >= tcb.pcesvn &&
      (body.type === "sgx" || reachesTdx(body.report, tcb.tdxtcbcomponents)),
  );
  if (level === undefined) {
    throw new VerificationError(
      "TCB_UNKNOWN",
      "the platform is older than all TCB levels that Intel lists",
    );
  }
  const platform = { status: level.tcbStatus, advisories: [...level.advisoryIDs].sort() };
  return body.type === "sgx" ? platform : converge(platform, tdxModuleLevel(body.report, tcbInfo));
}

/** Where the TDX module has a version, its own identity is about the first two of the SVNs. */
function reachesTdx(
  { teeTcbSvn }: TdReport,
  level: readonly { svn: number }[] | undefined,
): boolean {
  return reaches([...teeTcbSvn], level, (teeTcbSvn[1] ?? 0) > 0 ? 2 : 0);
}

function equalsMasked(found: Uint8Array, wanted: string, mask: string): boolean {
  const [wantedBytes, maskBytes] = [fromHex(wanted), fromHex(mask)];
  return found.every((byte, index) => {
    const bits = maskBytes?.[index] ?? 0xff;
    return (byte & bits) === ((wantedBytes?.[index] ?? 0x100) & bits);
  });
}
