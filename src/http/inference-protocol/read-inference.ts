import type { Classifier } from "../../inference/classifier.js";
import type { AnswerType } from "../answer.js";
import { permittedAnswers } from "../classify-admitted.js";
import type { EvaluateOptions } from "../evaluate.js";
import type { Body } from "../request-body.js";
import type { UploadFormat } from "../upload-format.js";
import { checkInput, pictureValues, takeElements, takeFloats } from "./input.js";
import { checkOutput, type RequestedOutput } from "./output.js";
import { readInferenceRequest } from "./request-schema.js";
import { splitBody } from "./split-body.js";

export interface InferenceOptions extends EvaluateOptions {
  /** The most pictures of a request: `Limits.MaxBatch`. */
  maxPictures: number;
}

/** The part that a request is checked against. */
export type ReadOptions = Pick<InferenceOptions, "formats" | "results" | "keys" | "maxPictures"> & {
  classifier: Pick<Classifier, "model">;
};

/** An inference request, without its JSON: that takes more memory than is counted, and only while this reads it. */
export interface InferenceToRun {
  id: string | undefined;
  format: UploadFormat;
  /** The media type of which the answer to a picture would be at POST /evaluate. */
  type: AnswerType;
  output: RequestedOutput;
  pictures: { files: Buffer[] } | { tensors: Float32Array[] };
}

/**
 * Reads an inference request. It never yields: the JSON of one request at a time is in memory.
 *
 * @param jsonLength bytes of the JSON; undefined: all
 * @throws RequestError UPLOAD_MALFORMED, PARAMETER_INVALID, FORMAT_REFUSED, NOT_ACCEPTABLE, OVERLOADED
 */
export function readInference(
  body: Body,
  jsonLength: number | undefined,
  options: ReadOptions,
): InferenceToRun {
  const { model } = options.classifier;
  const mostValues = options.maxPictures * pictureValues(model);
  const split = splitBody(body.bytes, { jsonLength, mostValues });
  const request = readInferenceRequest(split.json);
  const input = checkInput(request, split.binary.length, model, options.maxPictures);
  const { format } = input;
  const types = permittedAnswers(format, options);
  const output = checkOutput(request, format, types, options);
  const pictures =
    input.datatype === "FP32"
      ? { tensors: takeFloats(body, split, input) }
      : { files: takeElements(body, split, input) };
  const type = output.kind === "sealed" ? "application/jose" : "application/json";
  return { id: request.id ?? undefined, format, type, output, pictures };
}
