import { UnavailableError } from "../errors.js";
import { ClassifierError } from "./classifier-error.js";

/** Time limits of a model, in milliseconds. */
export interface ModelTimeouts {
  /** Longest time for loading, including trial runs. */
  loadMs: number;
  /** Longest time for one run. */
  runMs: number;
}

/**
 * Creates the error MODEL_TIMEOUT for loading that takes too long, for example because optimizing the graph does not end.
 *
 * @param timeoutMs `loadMs`
 */
export function loadTimeout(timeoutMs: number): UnavailableError {
  return new UnavailableError("MODEL_TIMEOUT", {
    doing: "loading the model",
    expected: "an end within Inference.Model.LoadTimeoutMs",
    got: `none after ${timeoutMs} ms`,
    fix: "Raise it where the model is large, or check the model",
  });
}

/**
 * Creates the error MODEL_TIMEOUT for a run that takes too long. A run cannot be stopped, so the process has to end.
 *
 * @param timeoutMs `runMs`
 */
export function runTimeout(timeoutMs: number): UnavailableError {
  return new UnavailableError("MODEL_TIMEOUT", {
    doing: "running the model",
    expected: "an end within Inference.Limits.RunTimeoutMs",
    got: `none after ${timeoutMs} ms`,
    fix: "Raise it or lower Inference.Limits.MaxBatch where the model is slow; check the model for loops that may not end",
  });
}

/** Creates the error MODEL_TIMEOUT for the clients whose pictures were in the run. */
export function runWithoutEnd(cause: unknown): ClassifierError {
  const message = "the model did not end in time with this picture or one beside it";
  return new ClassifierError("MODEL_TIMEOUT", message, { cause });
}

/** Creates the error MODEL_STOPPING for the clients whose pictures arrive after the run that did not end. */
export function stoppingAfterTimeout(cause: unknown): ClassifierError {
  const message = "the server is stopping; try another, or again soon";
  return new ClassifierError("MODEL_STOPPING", message, { cause });
}
