import { z } from "zod";
import type { ModelDescription } from "../../inference/classifier.js";
import { modelParameters } from "../open-inference-operations.js";
import {
  bytesContent,
  classificationErrors,
  type Operation,
  type Parameter,
} from "../openapi/operation.js";
import { inferenceRequest } from "./request-schema.js";
import { inferenceResponse } from "./response.js";
import { jsonLengthHeader } from "./split-body.js";

/** A red PNG picture of 2 × 2 pixels. */
const redPicture =
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAAEElEQVQI12P4z8AARAwQCgAf7gP9QDZ6TgAAAABJRU5ErkJggg==";

const jsonLength: Parameter = {
  name: jsonLengthHeader,
  in: "header",
  description: "Bytes of the JSON, where binary data follows it (Triton's binary tensor data).",
  schema: z.int().min(0),
};

/** Inference requests for the model and for its version. */
export function inferOperations(model: ModelDescription): Operation[] {
  const [name, version] = modelParameters(model);
  const infer = inferOperation(model);
  return [
    { ...infer, parameters: [name, jsonLength] },
    {
      ...infer,
      path: "/v2/models/{name}/versions/{version}/infer",
      id: "inferVersion",
      parameters: [name, version, jsonLength],
    },
  ];
}

function inferOperation({ input, output }: ModelDescription): Operation {
  const pictures = {
    inputs: [{ name: input.name, shape: [1], datatype: "BYTES", data: [redPicture] }],
  };
  const outputs = [{ name: output.name, parameters: { classification: 1 } }];
  return {
    method: "post",
    path: "/v2/models/{name}/infer",
    id: "infer",
    summary: "Classifies pictures (Open Inference Protocol v2)",
    description:
      "Pictures are files in a BYTES tensor, or normalised numbers in an FP32 tensor. Pictures of the format `jwe` are " +
      "answered as JWE under the same key, one for each picture, unless Results.Encrypt is `never`; such a JWE contains " +
      "the JSON of POST /evaluate.",
    request: {
      "application/json": {
        schema: inferenceRequest,
        examples: {
          probabilities: { summary: "The probabilities of all labels", value: pictures },
          labels: { summary: "The most probable label", value: { ...pictures, outputs } },
        },
      },
      "application/octet-stream": bytesContent,
    },
    answers: [
      {
        description: "One row for each picture.",
        headers: { [jsonLengthHeader]: "Bytes of the JSON, where binary data follows it." },
        content: {
          "application/json": { schema: inferenceResponse },
          "application/octet-stream": bytesContent,
        },
      },
    ],
    errors: ["NOT_FOUND", ...classificationErrors],
  };
}
