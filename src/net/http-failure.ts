import { isAxiosError } from "axios";

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

/** Whether an axios request that failed may succeed later: no answer, 408, 429 or 5xx. */
export function isTransientHttpFailure(error: unknown): boolean {
  if (isAxiosError(error) && error.response !== undefined) {
    const { status } = error.response;
    return status === 408 || status === 429 || status >= 500;
  }
  const code =
    typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" && transientCodes.has(code);
}

/** `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date. */
export function retryAfterMs(error: unknown): number | undefined {
  if (!isAxiosError(error)) return undefined;
  const header: unknown = error.response?.headers["retry-after"];
  if (typeof header !== "string") return undefined;
  const ms = /^\d+$/u.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
