import { isAxiosError } from "axios";
import { timerMs } from "../bounds/timers.js";

const transientCodes = new Set([
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ETIMEDOUT",
]);

/** Of Node and OpenSSL (`X509_V_ERR_…`): the other side's certificate is not to be trusted. */
const untrustedCodes = [
  /^ERR_TLS_CERT_/u,
  /^CERT_/u,
  /^(?:CRL|ERROR)_/u,
  /^UNABLE_TO_(?:GET|DECODE|DECRYPT|VERIFY)_/u,
  /^(?:DEPTH_ZERO_)?SELF_SIGNED_CERT/u,
  /^(?:INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)$/u,
];

/** Whether a connection failed because of whom it reached, which no second attempt mends. */
export function isUntrustedCode(code: string): boolean {
  return untrustedCodes.some((pattern) => pattern.test(code));
}

/** Whether an answer's status may be another one later. */
export function isTransientStatus(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

/** Whether an axios request that failed may succeed later: no answer, 408, 429 or 5xx. */
export function isTransientHttpFailure(error: unknown): boolean {
  if (isAxiosError(error) && error.response !== undefined) {
    return isTransientStatus(error.response.status);
  }
  const code = codeOf(error);
  return code !== undefined && transientCodes.has(code);
}

/**
 * `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
 *
 * @returns milliseconds, as many as a timer takes at most; undefined where the header says nothing
 */
export function parseRetryAfter(header: unknown): number | undefined {
  if (typeof header !== "string") return undefined;
  const ms = /^\d+$/u.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : timerMs(ms);
}

/** The same of an axios request that failed. */
export function retryAfterMs(error: unknown): number | undefined {
  return isAxiosError(error) ? parseRetryAfter(error.response?.headers["retry-after"]) : undefined;
}

/** Node's own name of an error. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
