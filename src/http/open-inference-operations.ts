import { z } from "zod";
import type { ModelDescription } from "../inference/classifier.js";
import type { Operation, Parameter } from "./openapi/operation.js";

const count = z.int().min(0);

/** `$metadata_server_response` (Open Inference Protocol v2, REST). */
export const serverMetadata = z.object({
  name: z.string(),
  version: z.string(),
  platform: z
    .enum(["mystikos-sgx", "mystikos-linux", "none"])
    .describe("As reported; not a proof."),
  extensions: z.array(z.string()),
  attestation: z
    .object({ available: z.boolean(), type: z.enum(["sgx"]).optional() })
    .describe("Whether GET /attestation has evidence, and the TEE that it is from; not a proof."),
});

const serverLive = z.object({ live: z.literal(true) });

export const serverReady = z.object({
  ready: z.boolean(),
  degraded: z.boolean().describe("Whether a key is missing or stale."),
  keys: z.object({ total: count, current: count, stale: count, missing: count }),
});

export const modelReady = z.object({ name: z.string(), ready: z.boolean() });

const tensor = z.object({
  name: z.string(),
  datatype: z.enum(["FP32", "BYTES"]),
  shape: z.array(z.int().min(-1)).describe("-1: any size."),
});

/** `$metadata_model_response` (Open Inference Protocol v2, REST). */
export const modelMetadata = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.literal("onnxruntime_onnx"),
  inputs: z.array(tensor),
  outputs: z.array(tensor),
});

/** The parameters in a path: of a model, and of one of its versions. */
export function modelParameters({ name, version }: ModelDescription): [Parameter, Parameter] {
  const named = { in: "path", schema: z.string() } as const;
  return [
    { name: "name", description: "The model's name.", example: name, ...named },
    { name: "version", description: "Its version.", example: version, ...named },
  ];
}

/** Health and metadata. */
export function openInferenceOperations(model: ModelDescription): Operation[] {
  const [name, version] = modelParameters(model);
  const ofVersion = { parameters: [name, version] };
  return [
    get("/v2", "getServer", "Names the server and its extensions", serverMetadata),
    get("/v2/health/live", "getLive", "Says that the server runs", serverLive),
    whenReady(
      "/v2/health/ready",
      "getReady",
      "Says whether the server takes requests",
      serverReady,
    ),
    {
      ...get("/v2/models/{name}", "getModel", "Describes the model", modelMetadata),
      ...{ parameters: [name], errors: ["NOT_FOUND"] },
    },
    {
      ...get(
        "/v2/models/{name}/versions/{version}",
        "getVersion",
        "Describes the model",
        modelMetadata,
      ),
      ...{ ...ofVersion, errors: ["NOT_FOUND"] },
    },
    {
      ...whenReady("/v2/models/{name}/ready", "getModelReady", ready, modelReady),
      ...{ parameters: [name], errors: ["NOT_FOUND"] },
    },
    {
      ...whenReady(
        "/v2/models/{name}/versions/{version}/ready",
        "getVersionReady",
        ready,
        modelReady,
      ),
      ...{ ...ofVersion, errors: ["NOT_FOUND"] },
    },
  ];
}

const ready = "Says whether the model takes requests";

function get(path: string, id: string, summary: string, schema: z.ZodType): Operation {
  const content = { "application/json": { schema } };
  return {
    method: "get",
    path,
    id,
    summary,
    answers: [{ description: "OK", content }],
    errors: [],
  };
}

function whenReady(path: string, id: string, summary: string, schema: z.ZodType): Operation {
  const operation = get(path, id, summary, schema);
  const content = { "application/json": { schema } };
  const stopping = { status: 503, description: "The server is stopping.", content };
  return { ...operation, answers: [...operation.answers, stopping] };
}
