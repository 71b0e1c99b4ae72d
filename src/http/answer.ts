import type { Config } from "../config/schema.js";
import { sealJwe } from "../crypto/jwe.js";
import type { Classification, ModelDescription } from "../inference/classifier.js";
import type { Prediction } from "../inference/ranking.js";
import type { AnswerKey, UploadFormat } from "./open-upload.js";
import { pythonFloat, pythonString } from "./python-repr.js";

export type AnswerType = "text/plain" | "application/json" | "application/jose";

/**
 * The media types in which an upload may be answered, the default first. The host controls headers
 * and could replay a captured file, so what was sent as JWE is answered in the clear only where `never` says so.
 *
 * @param canSeal whether there is a key that seals answers to `.encrypted` uploads
 * @returns none where an answer would have to be encrypted and cannot be
 */
export function answerTypes(
  format: UploadFormat,
  encrypt: Config["Inference"]["Results"]["Encrypt"],
  canSeal: boolean,
): AnswerType[] {
  const clear: AnswerType[] = ["text/plain", "application/json"];
  if (format === "plain" || encrypt === "never") return clear;
  if (format === "jwe") return ["application/jose"];
  const sealed: AnswerType[] = canSeal ? ["application/jose"] : [];
  return encrypt === "always" ? sealed : [...clear, ...sealed];
}

export interface Answer {
  model: Pick<ModelDescription, "name" | "version">;
  image: {
    width: number;
    height: number;
    format: string;
    encrypted: boolean;
    /**
     * `false` in encrypted answers to `.encrypted` uploads: whoever controls the network could otherwise pass them off as
     * answers to a JWE under the same key.
     */
    authenticated?: false;
  };
  predictions: readonly Prediction[];
  /** Whether the answer tells them, or labels alone. */
  probabilities: boolean;
  timings: Pick<Classification, "queueMs" | "inferenceMs"> & { decodeMs: number };
}

/** The original sample's words, to the byte: Python prints each prediction as a tuple. */
export function toText({ predictions, probabilities }: Answer): string {
  const lines = predictions.map(({ label, probability }) => {
    const second = probabilities ? ` ${pythonFloat(probability * 100)}` : "";
    return `\t(${pythonString(label)},${second})`;
  });
  return [
    "file inferenced successfully.",
    `Return top ${predictions.length} inference results:`,
    ...lines,
  ].join("\n");
}

export function toJson({ model, image, predictions, probabilities, timings }: Answer): string {
  return JSON.stringify({
    model: { name: model.name, version: model.version },
    image,
    predictions: probabilities
      ? predictions
      : predictions.map(({ rank, index, label }) => ({ rank, index, label })),
    timings_ms: {
      queue: milliseconds(timings.queueMs),
      decode: milliseconds(timings.decodeMs),
      inference: milliseconds(timings.inferenceMs),
    },
  });
}

/**
 * The JSON answer as JWE, with spaces behind it: lengths would tell labels apart.
 *
 * @param bytes of the padded JSON, no less than the JSON's own
 */
export async function toJose(
  answer: Answer,
  { kid, key }: AnswerKey,
  bytes: number,
): Promise<string> {
  const json = Buffer.from(toJson(answer));
  if (json.length > bytes) throw new Error("an answer is longer than its padded length");
  const padded = Buffer.alloc(bytes, " ");
  json.copy(padded);
  return sealJwe(key, padded, { kid, cty: "json" });
}

function milliseconds(value: number): number {
  return Math.round(value * 1000) / 1000;
}
