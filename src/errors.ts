/**
 * Every failure that somebody is meant to read. `docs/errors.md` lists the codes; a test holds the
 * two together.
 */
export type BootErrorCode =
  | "CONFIG_UNREADABLE"
  | "CONFIG_INVALID"
  | "ENVIRONMENT_INCOMPLETE"
  | "ENVIRONMENT_REFUSED"
  | "CLIENT_INVALID"
  | "CLIENT_FAILED"
  | "EVIDENCE_UNAVAILABLE"
  | "CONNECTION_UNTRUSTED"
  | "ATTESTATION_FAILED"
  | "ATTESTATION_REFUSED"
  | "TOKEN_REFUSED"
  | "RELEASE_FAILED"
  | "RELEASE_REFUSED"
  | "RELEASE_INVALID"
  | "RELEASE_TIMEOUT"
  | "KEY_FILE_FAILED"
  | "KEY_REUSED"
  | "MANIFEST_INVALID"
  | "MODEL_UNREACHABLE"
  | "MODEL_TOO_LARGE"
  | "MODEL_ALTERED"
  | "MODEL_KEY_WRONG"
  | "MODEL_INVALID"
  | "MODEL_OUT_OF_MEMORY"
  | "MODEL_TIMEOUT"
  | "LISTEN_FAILED"
  | "STOP_TIMEOUT";

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
  | "RATE_LIMITED"
  | "MODEL_FAILED"
  | "MODEL_TIMEOUT"
  | "DECODE_TIMEOUT"
  | "OUT_OF_MEMORY"
  | "OVERLOADED"
  | "SHUTTING_DOWN"
  | "INTERNAL";

/** The base of all of ours: a literal `code` for programs, a message for people. */
export abstract class ConfmlError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The four parts of a message that tells its reader what to do. None may hold a secret. */
export interface Failure {
  /** What was being done, as a participle: "reading config.json". */
  doing: string;
  expected: string;
  /** What came instead. */
  got: string;
  /** What the reader can do about it, as an imperative sentence without its full stop. */
  fix: string;
}

/** Boot cannot go on: the process ends with this error's message as its one line. */
export abstract class BootError extends ConfmlError<BootErrorCode> {
  readonly failure: Failure;

  constructor(code: BootErrorCode, failure: Failure, options?: ErrorOptions) {
    const { doing, expected, got, fix } = failure;
    const reason = got.replace(/\.$/u, "");
    super(code, oneLine(`${doing}: expected ${expected}; got ${reason}. ${fix}.`), options);
    this.failure = failure;
  }
}

/** The reader mends the configuration, its files or the environment, and starts again. */
export class ConfigurationError extends BootError {}

/** Somebody on the other side said no, or what they sent is not to be trusted: trying again is no use. */
export class RefusedError extends BootError {}

/** What was needed did not answer in time; the same thing may work later. */
export class UnavailableError extends BootError {}

/** The sender of a request reads it: bad input, or a server that cannot take it now. */
export class RequestError extends ConfmlError<RequestErrorCode> {
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

/**
 * The shortest text that still tells what went wrong, of an error that is not ours. Network errors
 * often hold their reason in `code` alone, or in a cause (Node's `fetch`) or a list (happy eyeballs).
 */
export function describeCause(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const message = "message" in error && typeof error.message === "string" ? error.message : "";
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  if (message !== "") {
    return oneLine(code === "" || message.includes(code) ? message : `${code}: ${message}`);
  }
  return code === "" ? "an unknown error" : code;
}

/** The same of an error that may be ours: what was being done, and what came. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof BootError)) return describeCause(error);
  return `${error.failure.doing}: ${error.failure.got}`;
}

/** Messages from outside may hold line breaks; ours are one line each. */
function oneLine(text: string): string {
  return text.replace(/\s+/gu, " ").trim();
}
