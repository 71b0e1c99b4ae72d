import type { Check } from "./check.js";

/** Why a server, an answer or a receipt is refused. docs/refusals.md has a table of them. */
export type RefusalCode =
  | "ANSWER_REJECTED"
  | "ATTESTATION_MALFORMED"
  | "CERTIFICATE_INVALID"
  | "CERTIFICATE_REVOKED"
  | "COLLATERAL_EXPIRED"
  | "COLLATERAL_INVALID"
  | "COLLATERAL_MISSING"
  | "CONFIG_REFUSED"
  | "DEBUGGABLE"
  | "EVIDENCE_UNSUPPORTED"
  | "MODEL_REFUSED"
  | "MRENCLAVE_REFUSED"
  | "MRSIGNER_REFUSED"
  | "NONCE_MISMATCH"
  | "POLICY_INVALID"
  | "POLICY_NOT_MET"
  | "PRODUCT_REFUSED"
  | "PURPOSE_WRONG"
  | "QUOTE_MALFORMED"
  | "QUOTE_SIGNATURE_INVALID"
  | "QUOTING_ENCLAVE_REFUSED"
  | "RECEIPT_INVALID"
  | "RECEIPT_MISMATCH"
  | "RELEASE_KEYS_PRESENT"
  | "ROOT_UNTRUSTED"
  | "RUNTIME_DATA_ALTERED"
  | "RUNTIME_DATA_MALFORMED"
  | "SVN_REFUSED"
  | "TCB_ADVISORIES_REFUSED"
  | "TCB_REVOKED"
  | "TCB_STATUS_REFUSED"
  | "TCB_UNKNOWN"
  | "TLS_KEY_MISMATCH"
  | "TOO_OLD";

export interface RefusalOptions {
  cause?: unknown;
  /** What was checked before, and what failed. */
  checks?: readonly Check[];
}

/** A refusal: nothing may be sent to the server, and its answer proves nothing. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
  readonly code: RefusalCode;
  readonly checks: readonly Check[];

  /** @param message what was expected, and what came instead */
  constructor(code: RefusalCode, message: string, { cause, checks = [] }: RefusalOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.checks = checks;
  }
}
