import type { BootErrorCode, Failure } from "../errors.js";
import type { BatchScores } from "./batch-runner.js";
import type { Picture } from "./classifier.js";
import type { Manifest } from "../model/manifest.js";
import type { ModelSession } from "./session.js";
import type { LoadOptions } from "./session-options.js";

/** What the inference thread needs to create its session. */
export interface LoadRequest {
  model: Uint8Array;
  manifest: Manifest;
  options: LoadOptions;
}

/** Properties of the loaded model that the inference thread reports. */
export type LoadedModel = Pick<ModelSession, "fixedBatch" | "maxBatch" | "singlePictureReason">;

/** A message from the main thread to the inference thread. The first one is `load`; at most one is pending. */
export type WorkerRequest =
  | ({ type: "load" } & LoadRequest)
  | { type: "run"; pictures: readonly Picture[] }
  | { type: "release" };

/**
 * A message from the inference thread to the main thread. Each request gets one response, in order. While the request is
 * processed, `running` is sent as well, at the start of each model run.
 */
export type WorkerResponse =
  | { type: "running" }
  | ({ type: "loaded" } & LoadedModel)
  | { type: "refused"; kind: "refused" | "configuration"; code: BootErrorCode; failure: Failure }
  | { type: "failed"; reason: string }
  | ({ type: "scores" } & BatchScores)
  | { type: "released" };
