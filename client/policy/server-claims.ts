import type { RefusalCode } from "../verification-error.js";
import { toHex } from "../encoding.js";
import type { VerifiedQuote } from "../quote/verify-quote.js";
import { always, type Condition, type Node } from "./conditions.js";
import type { Claims } from "./evaluate.js";

/**
 * The claims of a client policy. Those of SGX are named as Microsoft Azure Attestation names them, those of TDX as its tokens
 * for TDX do; the others are this project's.
 */
export const claimNames = {
  attestationType: "x-ms-attestation-type",
  isDebuggable: "x-ms-sgx-is-debuggable",
  mrenclave: "x-ms-sgx-mrenclave",
  mrsigner: "x-ms-sgx-mrsigner",
  productId: "x-ms-sgx-product-id",
  securityVersion: "x-ms-sgx-svn",
  mrtd: "tdx_mrtd",
  tdxDebug: "tdx_td_attributes_debug",
  tdxMigratable: "tdx_td_attributes_migratable",
  tdxSeptVeDisable: "tdx_td_attributes_septve_disable",
  tcbStatus: "tcb-status",
  tcbAdvisories: "tcb-advisories",
  tcbEvaluationDataNumber: "tcb-evaluation-data-number",
  modelSha256: "model-sha256",
  configSha256: "config-sha256",
  maxAge: "max-age",
} as const;

/** What the runtime data adds to the quote's claims. */
export interface StatedClaims {
  modelSha256: string;
  configSha256: string;
  /** How far the attestation's time is from now. */
  ageSeconds: number;
}

/** The claims that a client computes from a verified quote and its runtime data. */
export function serverClaims(quote: VerifiedQuote, stated: StatedClaims): Claims {
  return {
    ...quoteClaims(quote),
    [claimNames.tcbStatus]: quote.tcb.status,
    [claimNames.tcbAdvisories]: quote.tcb.advisories,
    [claimNames.tcbEvaluationDataNumber]: quote.tcbEvaluationDataNumber,
    [claimNames.modelSha256]: stated.modelSha256,
    [claimNames.configSha256]: stated.configSha256,
    [claimNames.maxAge]: stated.ageSeconds,
  };
}

const rtmrNames = [0, 1, 2, 3].map((index) => `tdx_rtmr${index}`);

/** Bits of attributes: SGX (Intel SDM, volume 3D, table 38-3), TDX (Intel, "TDX Module ABI", TD attributes). */
const bits = { sgxDebug: 0x02, septVeDisable: 0x10, migratable: 0x20 } as const;

function quoteClaims({ body }: VerifiedQuote): Claims {
  if (body.type === "sgx") {
    const { attributes, mrenclave, mrsigner, productId, securityVersion } = body.report;
    return {
      [claimNames.attestationType]: "sgx",
      [claimNames.isDebuggable]: ((attributes[0] ?? bits.sgxDebug) & bits.sgxDebug) !== 0,
      [claimNames.mrenclave]: toHex(mrenclave),
      [claimNames.mrsigner]: toHex(mrsigner),
      [claimNames.productId]: productId,
      [claimNames.securityVersion]: securityVersion,
    };
  }
  const { tdAttributes, mrtd, mrConfigId, rtmrs } = body.report;
  return {
    [claimNames.attestationType]: "tdxvm",
    // The first byte (TUD) has nothing but bits for TDs under debug.
    [claimNames.tdxDebug]: tdAttributes[0] !== 0,
    [claimNames.tdxSeptVeDisable]: ((tdAttributes[3] ?? 0) & bits.septVeDisable) !== 0,
    // A migration service could move the TD, with its memory, to another platform.
    [claimNames.tdxMigratable]: ((tdAttributes[3] ?? 0) & bits.migratable) !== 0,
    [claimNames.mrtd]: toHex(mrtd),
    tdx_mrconfigid: toHex(mrConfigId),
    ...Object.fromEntries(rtmrs.map((rtmr, index) => [`tdx_rtmr${index}`, toHex(rtmr)])),
  };
}

/** How old an attestation may be where a policy does not say. */
const defaultMaxAgeSeconds = 300;

/**
 * Adds to a branch the conditions that every policy has unless all its alternatives name their claims: no debugging, an up-to-date platform, no
 * advisories, at most five minutes old.
 */
export function withDefaults(branch: Node, type: "sgx" | "tdx"): Node {
  const equals = (claim: string, value: string | boolean): Condition => ({
    kind: "condition",
    claim,
    operator: "equals",
    value,
  });
  const ofType =
    type === "sgx"
      ? [equals(claimNames.isDebuggable, false)]
      : [
          equals(claimNames.tdxDebug, false),
          equals(claimNames.tdxMigratable, false),
          equals(claimNames.tdxSeptVeDisable, true),
        ];
  const defaults: Condition[] = [
    ...ofType,
    equals(claimNames.tcbStatus, "UpToDate"),
    { kind: "condition", claim: claimNames.tcbAdvisories, operator: "subsetOf", value: [] },
    {
      kind: "condition",
      claim: claimNames.maxAge,
      operator: "lessOrEquals",
      value: defaultMaxAgeSeconds,
    },
  ];
  const isNamed = (name: string): boolean => always(branch, ({ claim }) => claim === name);
  return { kind: "allOf", parts: [branch, ...defaults.filter(({ claim }) => !isNamed(claim))] };
}

/**
 * Whether a branch says what code it accepts: MRENCLAVE; MRTD with all RTMRs; or a signer with product and version. Without that, any enclave
 * of anyone meets it.
 */
export function namesCode(branch: Node): boolean {
  const requires = (name: string): boolean =>
    always(branch, ({ claim, operator }) => claim === name && operator === "equals");
  // MRTD measures the firmware of a TD alone; the kernel and what it runs are in the RTMRs.
  const isTdMeasured = requires(claimNames.mrtd) && rtmrNames.every(requires);
  const isMeasured =
    isTdMeasured ||
    always(
      branch,
      ({ claim, operator }) => claim === claimNames.mrenclave && operator === "equals",
    );
  const hasVersion = always(
    branch,
    ({ claim, operator }) => claim === claimNames.securityVersion && leastOperators.has(operator),
  );
  return (
    isMeasured || (requires(claimNames.mrsigner) && requires(claimNames.productId) && hasVersion)
  );
}

/** What sets a least value. */
const leastOperators: ReadonlySet<string> = new Set(["equals", "greater", "greaterOrEquals"]);

const codes: Readonly<Record<string, RefusalCode>> = {
  [claimNames.isDebuggable]: "DEBUGGABLE",
  [claimNames.tdxDebug]: "DEBUGGABLE",
  [claimNames.mrenclave]: "MRENCLAVE_REFUSED",
  [claimNames.mrsigner]: "MRSIGNER_REFUSED",
  [claimNames.productId]: "PRODUCT_REFUSED",
  [claimNames.securityVersion]: "SVN_REFUSED",
  [claimNames.tcbStatus]: "TCB_STATUS_REFUSED",
  [claimNames.tcbAdvisories]: "TCB_ADVISORIES_REFUSED",
  [claimNames.modelSha256]: "MODEL_REFUSED",
  [claimNames.configSha256]: "CONFIG_REFUSED",
  [claimNames.maxAge]: "TOO_OLD",
};

/** The code of a refusal because of a claim. */
export function refusalCodeOf(claim: string): RefusalCode {
  return codes[claim] ?? "POLICY_NOT_MET";
}
