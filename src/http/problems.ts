import type { NextFunction, Request, Response } from "express";
import { RequestError, type RequestErrorCode } from "../errors.js";

/** The one place where our error codes become HTTP's. */
const statuses: Readonly<Record<RequestErrorCode, number>> = {
  IMAGE_MISSING: 400,
  UPLOAD_MALFORMED: 400,
  PARAMETER_INVALID: 400,
  FORMAT_REFUSED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  UPLOAD_TOO_SLOW: 408,
  UPLOAD_TOO_LARGE: 413,
  IMAGE_TOO_LARGE: 413,
  IMAGE_UNSUPPORTED: 415,
  ENCRYPTED_IMAGE_REJECTED: 422,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  // Not 502: proxies send that again to another replica, where the same model fails on the same picture.
  MODEL_FAILED: 500,
  MODEL_TIMEOUT: 503,
  DECODE_TIMEOUT: 503,
  OUT_OF_MEMORY: 503,
  OVERLOADED: 503,
  SHUTTING_DOWN: 503,
};

const machineTypes = ["application/problem+json", "application/json", "application/jose"];

/**
 * Answers with an error: problem details (RFC 9457) for programs, `CODE: message` for people. What is
 * not ours is a bug, of which the asker learns nothing.
 */
export function problemHandler(onBug: (error: unknown) => void) {
  return (error: unknown, request: Request, response: Response, next: NextFunction): void => {
    // Nobody is there any more to read an answer.
    if (response.closed) return;
    if (response.headersSent) {
      next(error);
      return;
    }
    const problem = toRequestError(error, onBug);
    const { code, message } = problem;
    const status = statuses[code];
    response.locals["code"] = code;
    if (problem.retryAfterSeconds !== undefined) {
      response.set("Retry-After", String(problem.retryAfterSeconds));
    }
    response.status(status);
    if (wantsJson(request)) {
      const body = { type: "about:blank", title: titleOf(code), status, code, detail: message };
      response.type("application/problem+json").send(Buffer.from(JSON.stringify(body)));
    } else {
      response.type("text/plain").send(`${code}: ${message}`);
    }
  };
}

function toRequestError(error: unknown, onBug: (error: unknown) => void): RequestError {
  if (error instanceof RequestError) return error;
  if (isTimeout(error)) {
    return new RequestError("OVERLOADED", "no answer in time; try again soon", {
      retryAfterSeconds: 1,
    });
  }
  if (isClientError(error)) {
    return new RequestError("NOT_FOUND", "expected a path that can be decoded");
  }
  onBug(error);
  return new RequestError("INTERNAL", "an error of the server's");
}

function isTimeout(error: unknown): boolean {
  return (
    typeof error === "object" && error !== null && "name" in error && error.name === "TimeoutError"
  );
}

/** Express' own, for a path that cannot be decoded and the like. */
function isClientError(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "status" in error &&
    typeof error.status === "number" &&
    error.status >= 400 &&
    error.status < 500
  );
}

function wantsJson(request: Request): boolean {
  const best = request.accepts(["text/plain", ...machineTypes]);
  return typeof best === "string" && machineTypes.includes(best);
}

/** `IMAGE_TOO_LARGE` → `Image too large` */
function titleOf(code: string): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
