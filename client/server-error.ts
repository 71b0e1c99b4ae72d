import * as z from "zod";

const problemSchema = z.object({
  code: z.string().regex(/^[A-Z][A-Z0-9_]{0,99}$/u),
  detail: z.string().max(2000),
});
const longestRetryAfterSeconds = 3600;

/** An error that the server answered with. Errors are not encrypted or signed: the host can forge them. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  /** Such as `OVERLOADED` (docs/errors.md); `HTTP_502` where the answer has none. */
  readonly code: string;
  readonly status: number;
  /** How long the server asks to wait before the next attempt (`Retry-After`); undefined: do not repeat. */
  readonly retryAfterMs: number | undefined;

  constructor(code: string, status: number, message: string, retryAfterMs: number | undefined) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Describes an answer whose status is not 200.
 *
 * @param text the answer's body
 */
export function toServerError(response: Response, text: string): ServerError {
  const { status } = response;
  const retryAfterMs = retryAfterOf(response);
  const problem = problemSchema.safeParse(parseJson(text));
  if (problem.success) {
    const { code, detail } = problem.data;
    return new ServerError(code, status, printable(detail), retryAfterMs);
  }
  const message = `expected HTTP 200, got ${status} from something that is no confml server, or a proxy before it`;
  return new ServerError(`HTTP_${status}`, status, message, retryAfterMs);
}

/** RFC 9110, section 10.2.3; seconds alone, at most an hour. Of 429 and 503 only. */
function retryAfterOf({ status, headers }: Response): number | undefined {
  const value = headers.get("Retry-After") ?? "";
  if ((status !== 429 && status !== 503) || !/^\d{1,4}$/u.test(value)) return undefined;
  return Math.min(Number(value), longestRetryAfterSeconds) * 1000;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Without control characters, which could overwrite what a terminal shows. */
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, " ");
}
