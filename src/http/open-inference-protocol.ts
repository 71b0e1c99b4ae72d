import { Router } from "express";
import { RequestError } from "../errors.js";
import type { ModelDescription } from "../inference/classifier.js";
import { onlyGet } from "./methods.js";

export interface OpenInferenceOptions {
  model: ModelDescription;
  server: { name: string; version: string };
  isReady: () => boolean;
}

/** Health and metadata of the Open Inference Protocol v2 (REST). */
export function openInferenceRoutes({ model, server, isReady }: OpenInferenceOptions): Router {
  const router = Router();
  const modelNamed = (name: unknown): ModelDescription => {
    if (name === model.name) return model;
    throw new RequestError("NOT_FOUND", `expected the model ${model.name}`);
  };

  onlyGet(router, "/v2", (_request, response) => {
    response.json({ ...server, extensions: [] });
  });
  onlyGet(router, "/v2/health/live", (_request, response) => {
    response.json({ live: true });
  });
  onlyGet(router, "/v2/health/ready", (_request, response) => {
    response.status(isReady() ? 200 : 503).json({ ready: isReady() });
  });
  onlyGet(router, "/v2/models/:name/ready", (request, response) => {
    const { name } = modelNamed(request.params["name"]);
    response.status(isReady() ? 200 : 503).json({ name, ready: isReady() });
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
  return router;
}
