import { ConfmlError } from "../errors.js";

/**
 * Codes of answers to requests that fail. docs/errors.md explains them (a test checks that it has all of them), and
 * problems.ts has their HTTP status.
 */
export type RequestErrorCode =
  | "IMAGE_MISSING"
  | "UPLOAD_MALFORMED"
  | "PARAMETER_INVALID"
  | "FORMAT_REFUSED"
  | "NOT_FOUND"
  | "METHOD_NOT_ALLOWED"
  | "NOT_ACCEPTABLE"
  | "UPLOAD_TOO_SLOW"
  | "UPLOAD_TOO_LARGE"
  | "IMAGE_TOO_LARGE"
  | "IMAGE_UNSUPPORTED"
  | "ENCRYPTED_IMAGE_REJECTED"
  | "ATTESTATION_OUTDATED"
  | "RATE_LIMITED"
  | "MODEL_FAILED"
  | "MODEL_TIMEOUT"
  | "DECODE_TIMEOUT"
  | "OUT_OF_MEMORY"
  | "OVERLOADED"
  | "SHUTTING_DOWN"
  | "EVIDENCE_UNAVAILABLE"
  | "INTERNAL";

/** The answer to a request that fails: the input is wrong, or the server cannot serve it now. */
export class RequestError extends ConfmlError<RequestErrorCode> {
  /** Seconds for `Retry-After`; undefined: the default of the code (problems.ts). */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: RequestErrorCode,
    message: string,
    options: ErrorOptions & { retryAfterSeconds?: number } = {},
  ) {
    super(code, message, options);
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
