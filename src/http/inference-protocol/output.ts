import { RequestError } from "../request-error.js";
import type { Classifier, ModelDescription } from "../../inference/classifier.js";
import type { Prediction } from "../../inference/ranking.js";
import type { AnswerType } from "../answer.js";
import { defaultTop, revealsProbabilities, type ClassifyOptions } from "../classify-upload.js";
import type { UploadFormat } from "../upload-format.js";
import type { InferenceRequest } from "./request-schema.js";

/** What a request's output is to contain. */
export interface RequestedOutput {
  /** `probabilities`: FP32; `labels`: BYTES, Triton's classifications; `sealed`: BYTES, JWE compact. */
  kind: "probabilities" | "labels" | "sealed";
  /** Labels of each picture that are ranked. */
  top: number;
  /** Whether the output is binary data behind the JSON. */
  isBinary: boolean;
}

/**
 * Checks the output that a request asks for.
 *
 * @param types the media types in which POST /evaluate may answer a picture of this format
 * @throws RequestError PARAMETER_INVALID; NOT_ACCEPTABLE if `encrypt` asks for what is not possible
 */
export function checkOutput(
  { parameters, outputs }: InferenceRequest,
  format: UploadFormat,
  types: readonly AnswerType[],
  {
    classifier,
    results,
  }: Pick<ClassifyOptions, "results"> & {
    classifier: Pick<Classifier, "model">;
  },
): RequestedOutput {
  const { model } = classifier;
  const [output] = outputs ?? [];
  if (output !== undefined && output.name !== model.output.name) {
    throw invalid(`the output ${model.output.name}`);
  }
  const classes = model.labels.length;
  const largest = Math.min(classes, results.MaxTop);
  const asked = output?.parameters?.classification ?? parameters?.top;
  if (format.carriesRequest === true && asked !== undefined) {
    throw invalid("`top` of attested pictures in their protected headers alone");
  }
  if (asked !== undefined && asked > largest) throw invalid(labelCount(largest));
  const isBinary = output?.parameters?.binary_data ?? parameters?.binary_data_output ?? false;
  if (isSealed(types, parameters?.encrypt ?? false)) {
    return { kind: "sealed", top: asked ?? Math.min(defaultTop, largest), isBinary };
  }
  if (asked !== undefined) return { kind: "labels", top: asked, isBinary };
  if (largest < classes || !revealsProbabilities(format, results)) {
    throw invalid(
      `${labelCount(largest)}: not all probabilities are answered here (Results.MaxTop, Results.Probabilities)`,
    );
  }
  return { kind: "probabilities", top: classes, isBinary };
}

function isSealed(types: readonly AnswerType[], isAsked: boolean): boolean {
  if (!types.includes("application/json")) return true;
  if (!isAsked) return false;
  if (types.includes("application/jose")) return true;
  throw new RequestError(
    "NOT_ACCEPTABLE",
    "expected no `encrypt`: the answer to such pictures is not encrypted here",
  );
}

function labelCount(largest: number): string {
  return `\`classification\` of the output, or \`top\`, from 1 to ${largest}`;
}

function invalid(expected: string): RequestError {
  return new RequestError("PARAMETER_INVALID", `expected ${expected}`);
}

/**
 * A label as Triton's classification extension writes it: `VALUE:INDEX:LABEL`. VALUE is `nan` if the configuration
 * withholds probabilities.
 */
export function toClassification(
  { probability, index, label }: Prediction,
  withProbability: boolean,
): string {
  return `${withProbability ? probability : "nan"}:${index}:${label}`;
}

/** @returns the probabilities of all labels, in the labels' order */
export function toProbabilities(
  predictions: readonly Prediction[],
  { labels }: Pick<ModelDescription, "labels">,
): Float32Array {
  const all = new Float32Array(labels.length);
  for (const { index, probability } of predictions) all[index] = probability;
  return all;
}
