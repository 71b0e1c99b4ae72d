import { RequestError, UnavailableError } from "../errors.js";

/** How long a model may take, in milliseconds. */
export interface ModelTimeouts {
  /** From its bytes to the end of its try-out. */
  loadMs: number;
  /** One run. */
  runMs: number;
}

/** A model did not end while it was loaded: its graph is never optimized, or takes very long. */
export function loadTimeout(timeoutMs: number): UnavailableError {
  return new UnavailableError("MODEL_TIMEOUT", {
    doing: "loading the model",
    expected: "an end within Inference.Model.LoadTimeoutMs",
    got: `none after ${timeoutMs} ms`,
    fix: "Raise it where the model is large, or check the model",
  });
}

/** A run did not end: nothing stops it, so the process has to end. */
export function runTimeout(timeoutMs: number): UnavailableError {
  return new UnavailableError("MODEL_TIMEOUT", {
    doing: "running the model",
    expected: "an end within Inference.Limits.RunTimeoutMs",
    got: `none after ${timeoutMs} ms`,
    fix: "Raise it or lower Inference.Limits.MaxBatch where the model is slow; check the model for loops that may not end",
  });
}

const retryAfterSeconds = 5;

/** For those whose pictures were in the run that did not end. */
export function runWithoutEnd(cause: unknown): RequestError {
  const message = "the model did not end in time with this picture or one beside it";
  return new RequestError("MODEL_TIMEOUT", message, { retryAfterSeconds, cause });
}

/** For those who come after it. */
export function stoppingAfterTimeout(cause: unknown): RequestError {
  const message = "the server is stopping; try another, or again soon";
  return new RequestError("SHUTTING_DOWN", message, { retryAfterSeconds, cause });
}
