/** Codes of errors that end the boot. `docs/errors.md` explains them; a test checks that it has all of them. */
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
  | "PAGE_INVALID"
  | "MODEL_UNREACHABLE"
  | "MODEL_TOO_LARGE"
  | "MODEL_ALTERED"
  | "MODEL_KEY_WRONG"
  | "MODEL_INVALID"
  | "MODEL_OUT_OF_MEMORY"
  | "MODEL_TIMEOUT"
  | "TRIAL_FAILED"
  | "LISTEN_FAILED"
  | "STOP_TIMEOUT";

/** The base class of the server's errors: a literal `code` for programs, a message for people. */
export abstract class ConfmlError<Code extends string = string> extends Error {
  readonly code: Code;

  constructor(code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The four parts of a message that tells the reader what to do. None may contain a secret. */
export interface Failure {
  /** What was being done, as a participle: "reading config.json". */
  doing: string;
  expected: string;
  /** What was found instead of what was expected. */
  got: string;
  /** What the reader can do about it, as an imperative sentence without its full stop. */
  fix: string;
}

/** The boot cannot continue: the process ends and prints this error's message as its last line. */
export abstract class BootError extends ConfmlError<BootErrorCode> {
  readonly failure: Failure;

  constructor(code: BootErrorCode, failure: Failure, options?: ErrorOptions) {
    const { doing, expected, got, fix } = failure;
    const reason = got.replace(/\.$/u, "");
    super(code, oneLine(`${doing}: expected ${expected}; got ${reason}. ${fix}.`), options);
    this.failure = failure;
  }
}

/** The configuration, its files or the environment are wrong: the reader corrects them and starts the server again. */
export class ConfigurationError extends BootError {}

/** A service refused, or its answer is not trustworthy: another attempt would fail as well. */
export class RefusedError extends BootError {}

/** A service did not answer in time, or cannot answer now: the same attempt may succeed later (bounds/retry.ts repeats it). */
export class UnavailableError extends BootError {
  /** How long the service asked to wait before the next attempt (`Retry-After`); undefined: it did not ask. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: BootErrorCode,
    failure: Failure,
    options: ErrorOptions & { retryAfterMs?: number | undefined } = {},
  ) {
    super(code, failure, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/**
 * Describes an error of Node or a library in one line: its message and its code, or the code alone, because errors of the
 * network often have no message.
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

/** The same for any error; of a BootError it gives what was being done and what was there instead. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof BootError)) return describeCause(error);
  return `${error.failure.doing}: ${error.failure.got}`;
}

/**
 * Why a file could not be read as JSON. V8's message quotes some of the text, which may be a key if the wrong file was
 * named, so only its position is repeated.
 */
export function describeJsonError(error: unknown): string {
  if (!(error instanceof SyntaxError)) return describeCause(error);
  return `other text${/ at position \d+/u.exec(error.message)?.[0] ?? ""}`;
}

/** Messages of libraries may contain line breaks. */
function oneLine(text: string): string {
  return text.replace(/\s+/gu, " ").trim();
}
