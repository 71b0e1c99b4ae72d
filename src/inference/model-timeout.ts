import { RequestError, UnavailableError } from "../errors.js";

/** Time limits of a model, in milliseconds. */
export interface ModelTimeouts {
  /** For loading, trial runs included. */
  loadMs: number;
  /** For one run. */
  runMs: number;
}

/** MODEL_TIMEOUT for loading that takes too long, for example because optimizing the graph does not end. */
export function loadTimeout(timeoutMs: number): UnavailableError {
  return new UnavailableError("MODEL_TIMEOUT", {
    doing: "loading the model",
    expected: "an end within Inference.Model.LoadTimeoutMs",
    got: `none after ${timeoutMs} ms`,
    fix: "Raise it where the model is large, or check the model",
  });
}

/** MODEL_TIMEOUT for a run that takes too long. A run cannot be stopped, so the process has to end. */
export function runTimeout(timeoutMs: number): UnavailableError {
  return new UnavailableError("MODEL_TIMEOUT", {
    doing: "running the model",
    expected: "an end within Inference.Limits.RunTimeoutMs",
    got: `none after ${timeoutMs} ms`,
    fix: "Raise it or lower Inference.Limits.MaxBatch where the model is slow; check the model for loops that may not end",
  });
}

const retryAfterSeconds = 5;

/** MODEL_TIMEOUT for the clients whose pictures were in the run. */
export function runWithoutEnd(cause: unknown): RequestError {
  const message = "the model did not end in time with this picture or one beside it";
  return new RequestError("MODEL_TIMEOUT", message, { retryAfterSeconds, cause });
}

/** SHUTTING_DOWN for the clients whose pictures come later. */
export function stoppingAfterTimeout(cause: unknown): RequestError {
  const message = "the server is stopping; try another, or again soon";
  return new RequestError("SHUTTING_DOWN", message, { retryAfterSeconds, cause });
}
