import { codeOf, isUntrustedCode } from "./http-failure.js";

/**
 * `unavailable`: another attempt may succeed; `untrusted`: the other side's certificate is not trusted; `unusable`: it
 * answered with something other than the HTTP that is read here.
 */
export type ConnectionProblem = "unavailable" | "untrusted" | "unusable";

/** A request without a usable answer. Its message contains no text of the other side, nor names from its certificate. */
export class ConnectionError extends Error {
  readonly problem: ConnectionProblem;

  constructor(problem: ConnectionProblem, message: string) {
    super(message);
    this.name = "ConnectionError";
    this.problem = problem;
  }
}

/** Descriptions of error codes of Node, OpenSSL, its certificate checks, and axios' redirects. */
const words: Readonly<Record<string, string>> = {
  ECONNABORTED: "nothing came in time",
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection broke",
  ENOTFOUND: "the host's name is not known",
  EAI_AGAIN: "the host's name could not be looked up",
  EHOSTUNREACH: "there is no way to the host",
  ENETUNREACH: "there is no way to the network",
  EPIPE: "the connection broke",
  ETIMEDOUT: "the connection took too long",
  ERR_FR_REDIRECTION_FAILURE: "a redirect that is not followed",
  ERR_FR_TOO_MANY_REDIRECTS: "too many redirects",
  ERR_STREAM_PREMATURE_CLOSE: "the connection broke",
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is signed by itself",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another host",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an authority that is not trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its certificate is signed by an authority that is not trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by an authority that is not trusted",
};

/** The form of error codes. Anything else may be text of the other side, and is not repeated. */
const codeForm = /^[A-Z][A-Z0-9_]{1,79}$/u;

/**
 * Describes why a connection failed by the error's code. Node's message is not used, because it repeats what the other side
 * sent.
 */
export function describeConnection(error: unknown): string {
  if (error instanceof ConnectionError) return error.message;
  const code = codeOf(error);
  if (code === undefined || !codeForm.test(code)) return "a connection that failed";
  const text =
    words[code] ?? (isUntrustedCode(code) ? "its certificate is not trusted" : undefined);
  return text === undefined ? code : `${code}: ${text}`;
}

/**
 * Classifies an error of Node's HTTP client.
 *
 * @returns the error itself if it is a ConnectionError already
 */
export function toConnectionError(error: unknown): ConnectionError {
  if (error instanceof ConnectionError) return error;
  const code = codeOf(error) ?? "";
  // HPE_…: Node's HTTP parser found something other than HTTP, or headers that are too long.
  const isForeign = code.startsWith("HPE_");
  const problem = isUntrustedCode(code) ? "untrusted" : isForeign ? "unusable" : "unavailable";
  return new ConnectionError(problem, describeConnection(error));
}
