import type { BootErrorCode, Failure } from "../errors.js";
import type { BatchScores } from "./batch-runner.js";
import type { Manifest } from "./manifest.js";
import type { ModelSession } from "./session.js";
import type { LoadOptions } from "./session-options.js";

/** What a session is made of. */
export interface LoadRequest {
  model: Uint8Array;
  manifest: Manifest;
  options: LoadOptions;
}

/** What the thread has found out about its model. */
export type LoadedModel = Pick<ModelSession, "fixedBatch" | "maxBatch" | "aloneBecause">;

export type WorkerRequest =
  | ({ type: "load" } & LoadRequest)
  | { type: "run"; pictures: readonly Uint8Array[] }
  | { type: "release" };

/** One to each request, in order; before it, `running` at the start of each run of the model. */
export type WorkerResponse =
  | { type: "running" }
  | ({ type: "loaded" } & LoadedModel)
  | { type: "refused"; kind: "refused" | "configuration"; code: BootErrorCode; failure: Failure }
  | { type: "failed"; reason: string }
  | ({ type: "scores" } & BatchScores)
  | { type: "released" };
