import type { IRouter } from "express";
import { RequestError } from "./request-error.js";
import type { Classifier, ModelDescription } from "../inference/classifier.js";
import type { ImageKeys } from "../keys/image-keys.js";
import type { PlatformName } from "../platform.js";
import { onlyGet } from "./methods.js";

export interface OpenInferenceOptions {
  classifier: Pick<Classifier, "model">;
  server: { name: string; version: string };
  /** The platform that the server reports; not a proof. */
  platform: PlatformName;
  isStopping: () => boolean;
  keys: ImageKeys;
}

/** Health and metadata of the Open Inference Protocol v2 (REST): everything below `/v2`. */
export function openInferenceRoutes(router: IRouter, options: OpenInferenceOptions): void {
  const { server, platform, isStopping, keys } = options;
  const { model } = options.classifier;
  const modelNamed = (name: unknown): ModelDescription => {
    if (name === model.name) return model;
    throw new RequestError("NOT_FOUND", `expected the model ${model.name}`);
  };

  onlyGet(router, "/v2", (_request, response) => {
    response.json({ ...server, platform, extensions: [] });
  });
  onlyGet(router, "/v2/health/live", (_request, response) => {
    response.json({ live: true });
  });
  onlyGet(router, "/v2/health/ready", (_request, response) => {
    const ready = !isStopping();
    response.status(ready ? 200 : 503).json({ ready, ...describeKeys(keys) });
  });
  onlyGet(router, "/v2/models/:name/ready", (request, response) => {
    const { name } = modelNamed(request.params["name"]);
    const ready = !isStopping();
    response.status(ready ? 200 : 503).json({ name, ready });
  });
  onlyGet(router, "/v2/models/:name", (request, response) => {
    const { name, version, input, output } = modelNamed(request.params["name"]);
    response.json({
      name,
      versions: [version],
      platform: "onnxruntime_onnx",
      inputs: [{ ...input, datatype: "FP32" }],
      outputs: [{ ...output, datatype: "FP32" }],
    });
  });
}

/** Numbers only: this port is public, and the data owners' identities are not. The log and the metrics name them. */
function describeKeys(keys: ImageKeys): object {
  const states = keys.statuses().map(({ state }) => state);
  const count = (wanted: string): number => states.filter((state) => state === wanted).length;
  const [missing, stale] = [count("missing"), count("stale")];
  return {
    degraded: missing + stale > 0,
    keys: { total: states.length, current: states.length - missing - stale, stale, missing },
  };
}
