import type { BootErrorCode, Failure } from "../errors.js";
import type { BatchScores } from "./batch-runner.js";
import type { Picture } from "./classifier.js";
import type { Manifest } from "../model/manifest.js";
import type { ModelSession } from "./session.js";
import type { LoadOptions } from "./session-options.js";

/** What the thread needs to create its session. */
export interface LoadRequest {
  model: Uint8Array;
  manifest: Manifest;
  options: LoadOptions;
}

/** Properties of the model that the thread reports. */
export type LoadedModel = Pick<ModelSession, "fixedBatch" | "maxBatch" | "singlePictureReason">;

export type WorkerRequest =
  | ({ type: "load" } & LoadRequest)
  | { type: "run"; pictures: readonly Picture[] }
  | { type: "release" };

/** The thread sends one response to each request, in order, and before it `running` at the start of each model run. */
export type WorkerResponse =
  | { type: "running" }
  | ({ type: "loaded" } & LoadedModel)
  | { type: "refused"; kind: "refused" | "configuration"; code: BootErrorCode; failure: Failure }
  | { type: "failed"; reason: string }
  | ({ type: "scores" } & BatchScores)
  | { type: "released" };
