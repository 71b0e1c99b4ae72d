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

/** Codes of Node and OpenSSL (`X509_V_ERR_…`) for a certificate that is not trusted. */
const untrustedCodes = [
  /^ERR_TLS_CERT_/u,
  /^CERT_/u,
  /^(?:CRL|ERROR)_/u,
  /^UNABLE_TO_(?:GET|DECODE|DECRYPT|VERIFY)_/u,
  /^(?:DEPTH_ZERO_)?SELF_SIGNED_CERT/u,
  /^(?:INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_EXCEEDED)$/u,
];

/** Whether a connection failed because the other side's certificate is not trusted. Another attempt would fail as well. */
export function isUntrustedCode(code: string): boolean {
  return untrustedCodes.some((pattern) => pattern.test(code));
}

/** Whether a request with this status may succeed later: 408, 429, 5xx. */
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
 * Parses `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
 *
 * @returns 0 to 2^31 - 1 milliseconds; undefined for a header that is absent or malformed
 */
export function parseRetryAfter(header: unknown): number | undefined {
  if (typeof header !== "string") return undefined;
  const ms = /^\d+$/u.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : timerMs(ms);
}

/** `parseRetryAfter` of the answer in an axios error. */
export function retryAfterMs(error: unknown): number | undefined {
  return isAxiosError(error) ? parseRetryAfter(error.response?.headers["retry-after"]) : undefined;
}

/** The `code` of an error of Node or a library; undefined if it has none, or none that is a string. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
