import type { NextFunction, Request, Response } from "express";
import { z } from "zod";
import {
  AttestationError,
  type AttestationErrorCode,
} from "../attestation/proof/attestation-error.js";
import { ImageError, type ImageErrorCode } from "../image/image-error.js";
import { ClassifierError, type ClassifierErrorCode } from "../inference/classifier-error.js";
import { timerMs } from "../bounds/timers.js";
import { clientAddress } from "./client-address.js";
import type { RejectionDelays } from "./rejection-delays.js";
import { contextOf } from "./request-context.js";
import { RequestError, type RequestErrorCode } from "./request-error.js";

/** The HTTP status of each error code. */
export const statuses: Readonly<Record<RequestErrorCode, number>> = {
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
  ATTESTATION_OUTDATED: 422,
  RATE_LIMITED: 429,
  INTERNAL: 500,
  // Not 502: proxies repeat such a request on another replica, where the same model fails on the same picture.
  MODEL_FAILED: 500,
  MODEL_TIMEOUT: 503,
  DECODE_TIMEOUT: 503,
  OUT_OF_MEMORY: 503,
  OVERLOADED: 503,
  SHUTTING_DOWN: 503,
  EVIDENCE_UNAVAILABLE: 503,
};

/** The answers to errors of the decoder, the classifier and the attestation. */
const requestCodes: Readonly<
  Record<ImageErrorCode | ClassifierErrorCode | AttestationErrorCode, RequestErrorCode>
> = {
  IMAGE_UNSUPPORTED: "IMAGE_UNSUPPORTED",
  IMAGE_TOO_LARGE: "IMAGE_TOO_LARGE",
  DECODE_TIMEOUT: "DECODE_TIMEOUT",
  OUT_OF_MEMORY: "OUT_OF_MEMORY",
  DECODE_QUEUE_FULL: "OVERLOADED",
  MODEL_FAILED: "MODEL_FAILED",
  MODEL_TIMEOUT: "MODEL_TIMEOUT",
  MODEL_STOPPING: "SHUTTING_DOWN",
  MODEL_QUEUE_FULL: "OVERLOADED",
  EVIDENCE_UNAVAILABLE: "EVIDENCE_UNAVAILABLE",
  ATTESTATION_QUEUE_FULL: "OVERLOADED",
};

/** `Retry-After` of codes whose errors give no time of their own, in seconds. */
const retryAfterSeconds: Partial<Readonly<Record<RequestErrorCode, number>>> = {
  DECODE_TIMEOUT: 1,
  OUT_OF_MEMORY: 1,
  OVERLOADED: 1,
  // The process is about to end, or has begun to stop: a restart takes some seconds.
  MODEL_TIMEOUT: 5,
  SHUTTING_DOWN: 5,
  // The TEE's quoting service has to come back first.
  EVIDENCE_UNAVAILABLE: 60,
};

const machineTypes = ["application/problem+json", "application/json", "application/jose"];

/** Problem details (RFC 9457, section 3.1), with the error's code. */
export const problemDetails = z.object({
  type: z.literal("about:blank"),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string(),
  request_id: z.string().describe("As in the header X-Request-Id and in the server's log."),
});

/** `$inference_error_response` (Open Inference Protocol v2, REST), with the error's code. */
export const openInferenceError = z.object({ error: z.string(), code: z.string() });

export interface ProblemOptions {
  rejectionDelays: RejectionDelays;
  requestTimeoutMs: number;
  /** Called with unexpected errors. */
  onBug: (error: unknown) => void;
}

/**
 * The error handler of the application. Below `/v2` it answers as the Open Inference Protocol specifies. Elsewhere it
 * answers with problem details (RFC 9457) if `Accept` prefers JSON, and with the line `CODE: message` otherwise. An
 * unexpected error is answered with INTERNAL, without details.
 * Repeated ENCRYPTED_IMAGE_REJECTED are answered with a delay (rejection-delays.ts).
 *
 * @param onBug called with unexpected errors
 */
export function problemHandler(options: ProblemOptions) {
  return (error: unknown, request: Request, response: Response, next: NextFunction): void => {
    // The client disconnected.
    if (response.closed) return;
    if (response.headersSent) {
      next(error);
      return;
    }
    const problem = toRequestError(error, options.onBug);
    response.locals["code"] = problem.code;
    const delayMs = delayOf(problem, request, response, options);
    if (delayMs <= 0) {
      answerProblem(problem, request, response);
      return;
    }
    // Only the connection waits: the upload is dropped, and every queue has ended its work on it.
    const timer = setTimeout(() => {
      answerProblem(problem, request, response);
    }, timerMs(delayMs));
    response.once("close", () => {
      clearTimeout(timer);
    });
  };
}

/** @returns milliseconds to wait with the answer, at most what is left of the request's time */
function delayOf(
  { code }: RequestError,
  request: Request,
  response: Response,
  { rejectionDelays, requestTimeoutMs }: ProblemOptions,
): number {
  if (code !== "ENCRYPTED_IMAGE_REJECTED") return 0;
  const leftMs = requestTimeoutMs - (performance.now() - contextOf(response).startedAt);
  return Math.min(rejectionDelays.next(clientAddress(request)), leftMs);
}

function answerProblem(problem: RequestError, request: Request, response: Response): void {
  const { code, message } = problem;
  const status = statuses[code];
  const seconds = problem.retryAfterSeconds ?? retryAfterSeconds[code];
  if (seconds !== undefined) response.set("Retry-After", String(seconds));
  response.status(status);
  if (isOpenInference(request)) {
    const body: z.infer<typeof openInferenceError> = { error: message, code };
    // Not `set`, which appends a charset: KServe's client reads errors of exactly this type.
    response.setHeader("Content-Type", "application/json");
    response.send(Buffer.from(JSON.stringify(body)));
  } else if (wantsJson(request)) {
    const title = titleOf(code);
    const { id } = contextOf(response);
    const body: z.infer<typeof problemDetails> = {
      ...{ type: "about:blank", title, status, code, detail: message, request_id: id },
    };
    response.type("application/problem+json").send(Buffer.from(JSON.stringify(body)));
  } else {
    response.type("text/plain").send(`${code}: ${message}`);
  }
}

/** The protocol's errors are JSON, whatever `Accept` says: its clients read nothing else. */
function isOpenInference({ path }: Request): boolean {
  return path === "/v2" || path.startsWith("/v2/");
}

function toRequestError(error: unknown, onBug: (error: unknown) => void): RequestError {
  if (error instanceof RequestError) return error;
  if (
    error instanceof ImageError ||
    error instanceof ClassifierError ||
    error instanceof AttestationError
  ) {
    return new RequestError(requestCodes[error.code], error.message, { cause: error });
  }
  if (isTimeout(error)) {
    return new RequestError("OVERLOADED", "no answer in time; try again soon");
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

/** An error of Express with a status of 4xx, such as a path with an invalid percent-encoding. */
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
