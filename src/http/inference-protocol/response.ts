import type { Response } from "express";
import { z } from "zod";
import type { ModelDescription } from "../../inference/classifier.js";
import { jsonLengthHeader } from "./split-body.js";

const lengthBytes = 4;

const responseOutput = z.object({
  name: z.string(),
  shape: z.array(z.int()),
  datatype: z.enum(["FP32", "BYTES"]),
  parameters: z
    .object({
      format: z.literal("jwe").optional().describe("Each element is a JWE (RFC 7516)."),
      binary_data_size: z.int().optional(),
    })
    .optional(),
  data: z.array(z.union([z.number(), z.string()])).optional(),
});

/** `$inference_response` (Open Inference Protocol v2, REST). */
export const inferenceResponse = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional(),
  outputs: z.tuple([responseOutput]),
});

/** The output tensor of an answer: FP32, or BYTES of texts. */
export interface OutputTensor {
  shape: readonly number[];
  data: Float32Array | readonly string[];
  /** Whether the elements are JWE. */
  isSealed: boolean;
}

export interface InferenceAnswer {
  model: ModelDescription;
  id: string | undefined;
  tensor: OutputTensor;
  /** Whether the tensor is sent behind the JSON (Triton's binary tensor data extension). */
  isBinary: boolean;
}

/** Sends the answer to an inference request. */
export function sendInference(
  response: Response,
  { model, id, tensor, isBinary }: InferenceAnswer,
): void {
  const { data, shape, isSealed } = tensor;
  const binary = isBinary ? toBinary(data) : undefined;
  const parameters = {
    ...(isSealed && { format: "jwe" as const }),
    ...(binary && { binary_data_size: binary.length }),
  };
  const body: z.infer<typeof inferenceResponse> = {
    model_name: model.name,
    model_version: model.version,
    ...(id !== undefined && { id }),
    outputs: [
      {
        name: model.output.name,
        shape: [...shape],
        datatype: data instanceof Float32Array ? "FP32" : "BYTES",
        ...(Object.keys(parameters).length > 0 && { parameters }),
        ...(binary === undefined && { data: [...data] }),
      },
    ],
  };
  if (binary === undefined) {
    response.json(body);
    return;
  }
  const json = Buffer.from(JSON.stringify(body));
  response.set(jsonLengthHeader, String(json.length));
  response.type("application/octet-stream").send(Buffer.concat([json, binary]));
}

function toBinary(data: OutputTensor["data"]): Buffer {
  if (data instanceof Float32Array)
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat(
    data.flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(lengthBytes);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}
