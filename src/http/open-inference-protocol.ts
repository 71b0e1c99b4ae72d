import type { z } from "zod";
import type { ServerAttestation } from "../attestation/proof/server-attestation.js";
import type { Classifier } from "../inference/classifier.js";
import type { ImageKeys } from "../keys/image-keys.js";
import type { PlatformName } from "../platform.js";
import { onlyGet } from "./methods.js";
import {
  modelMetadata,
  modelReady,
  openInferenceOperations,
  serverMetadata,
  serverReady,
} from "./open-inference-operations.js";
import type { Route } from "./openapi/operation.js";
import { servedModel } from "./served-model.js";
import type { UploadFormatName } from "./upload-format.js";

export interface OpenInferenceOptions {
  classifier: Pick<Classifier, "model">;
  server: { name: string; version: string };
  /** The platform that the server reports; not a proof. */
  platform: PlatformName;
  isStopping: () => boolean;
  keys: ImageKeys;
  attestation: ServerAttestation;
  /** The formats that are accepted: `Images.Formats`. */
  formats: readonly UploadFormatName[];
}

/** What this server has of Triton's extensions; `classification` and `binary_tensor_data` as Triton names them. */
const extensions = ["binary_tensor_data", "classification"];

/** Health and metadata of the Open Inference Protocol v2 (REST). */
export const openInference: Route<OpenInferenceOptions> = {
  register(router, options) {
    const { server, platform, isStopping, keys } = options;
    const { model } = options.classifier;
    const metadata = describeModel(options);
    onlyGet(router, "/v2", (_request, response) => {
      const body: z.infer<typeof serverMetadata> = {
        ...{ ...server, platform, extensions },
        attestation: describeAttestation(options.attestation),
      };
      response.json(body);
    });
    onlyGet(router, "/v2/health/live", (_request, response) => {
      response.json({ live: true });
    });
    onlyGet(router, "/v2/health/ready", (_request, response) => {
      const ready = !isStopping();
      const body: z.infer<typeof serverReady> = { ready, ...describeKeys(keys) };
      response.status(ready ? 200 : 503).json(body);
    });
    for (const path of ["/v2/models/:name", "/v2/models/:name/versions/:version"]) {
      onlyGet(router, `${path}/ready`, (request, response) => {
        const { name } = servedModel(request, model);
        const ready = !isStopping();
        const body: z.infer<typeof modelReady> = { name, ready };
        response.status(ready ? 200 : 503).json(body);
      });
      onlyGet(router, path, (request, response) => {
        servedModel(request, model);
        response.json(metadata);
      });
    }
  },
  operations: openInferenceOperations,
};

function describeAttestation({
  type,
}: Pick<ServerAttestation, "type">): z.infer<typeof serverMetadata>["attestation"] {
  return type === undefined ? { available: false } : { available: true, type };
}

/** Where plain pictures are refused, FP32 tensors are too, and the input takes files of pictures alone. */
function describeModel({
  classifier,
  formats,
}: OpenInferenceOptions): z.infer<typeof modelMetadata> {
  const { name, version, input, output } = classifier.model;
  const tensor = formats.includes("plain")
    ? { name: input.name, datatype: "FP32" as const, shape: [...input.shape] }
    : { name: input.name, datatype: "BYTES" as const, shape: [-1] };
  return {
    name,
    versions: [version],
    platform: "onnxruntime_onnx",
    inputs: [tensor],
    outputs: [{ name: output.name, datatype: "FP32", shape: [...output.shape] }],
  };
}

/** Numbers only: this port is public, and the data owners' identities are not. The log and the metrics name them. */
function describeKeys(keys: ImageKeys): Omit<z.infer<typeof serverReady>, "ready"> {
  const states = keys.statuses().map(({ state }) => state);
  const count = (wanted: string): number => states.filter((state) => state === wanted).length;
  const [missing, stale] = [count("missing"), count("stale")];
  return {
    degraded: missing + stale > 0,
    keys: { total: states.length, current: states.length - missing - stale, stale, missing },
  };
}
