import { ConfmlError } from "../../errors.js";

export type AttestationErrorCode = "EVIDENCE_UNAVAILABLE" | "ATTESTATION_QUEUE_FULL";

/** The server cannot prove itself to a client: there is no evidence, or too many clients ask. */
export class AttestationError extends ConfmlError<AttestationErrorCode> {}
