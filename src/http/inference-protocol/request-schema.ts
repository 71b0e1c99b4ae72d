import { z } from "zod";
import { RequestError } from "../request-error.js";

/** The most characters of a name or an `id`. */
const mostCharacters = 256;
const text = z.string().max(mostCharacters);
const positive = z.int().min(1);

/** How a picture of a BYTES tensor is encrypted: a name of `Images.Formats`. */
const format = z
  .enum(["plain", "encrypted", "jwe", "attested"])
  .describe("How the pictures are encrypted, as in Images.Formats. It is never guessed.");

const shared = {
  format: format.optional(),
  content_type: z
    .literal("base64")
    .optional()
    .describe("JSON strings are base64 (RFC 4648, section 4), as MLServer's clients say it."),
};

/** Parameters of the whole request. Parameters of an input or output take precedence. */
const requestParameters = z.strictObject({
  ...shared,
  binary_data_output: z.boolean().optional().describe("Answers with binary data (Triton)."),
  top: positive.optional().describe("As `classification` of an output."),
  encrypt: z
    .boolean()
    .optional()
    .describe("Asks for the answer to `.encrypted` pictures as JWE under Results.Key."),
});

const inputParameters = z.strictObject({
  ...shared,
  binary_data_size: z
    .int()
    .min(0)
    .optional()
    .describe("Bytes of the tensor behind the JSON (Triton)."),
});

const outputParameters = z.strictObject({
  binary_data: z.boolean().optional().describe("Answers with binary data (Triton)."),
  classification: positive.optional().describe("Answers with so many labels (Triton)."),
});

/** A list of unknown values: a tensor's numbers are checked by tensor-data.ts, which costs less than zod's checks. */
const tensorData = z
  .unknown()
  .refine((value) => value === undefined || Array.isArray(value), { error: "expected a list" })
  .optional()
  .meta({ type: "array", description: "In row-major order, flat or nested as the shape says." });

const requestInput = z.object({
  name: text.describe("The model's input."),
  shape: z
    .array(z.int().min(0))
    .min(1)
    .max(4)
    .describe("[N, 3, H, W] of FP32, or [N] or [N, 1] of BYTES."),
  datatype: z
    .enum(["FP32", "BYTES"])
    .describe("FP32: normalised numbers. BYTES: files of pictures, as in POST /evaluate."),
  parameters: inputParameters.nullish(),
  data: tensorData,
});

const requestOutput = z.object({
  name: text.describe("The model's output."),
  parameters: outputParameters.nullish(),
});

/** `$inference_request` (Open Inference Protocol v2, REST) of a model with one input and one output. */
export const inferenceRequest = z.object({
  id: text.nullish().describe("Repeated in the answer."),
  parameters: requestParameters.nullish(),
  inputs: z.tuple([requestInput]),
  outputs: z.array(requestOutput).max(1).nullish(),
});

export type InferenceRequest = z.infer<typeof inferenceRequest>;
export type RequestInput = z.infer<typeof requestInput>;

/**
 * Checks a request's JSON, apart from the tensor's data. json-outline.ts has checked that it has few members: zod makes an
 * error message for each wrong one.
 *
 * @throws RequestError PARAMETER_INVALID
 */
export function readInferenceRequest(json: unknown): InferenceRequest {
  const { success, data, error } = inferenceRequest.safeParse(json);
  if (success) return data;
  const [issue] = error.issues;
  const path = (issue?.path ?? []).map(String).join(".").slice(0, mostCharacters);
  const message = (issue?.message ?? "").slice(0, mostCharacters);
  throw new RequestError("PARAMETER_INVALID", `${path === "" ? "the request" : path}: ${message}`);
}
