import type { Classification, ModelDescription } from "../inference/classifier.js";
import type { Prediction } from "../inference/ranking.js";
import { pythonFloat, pythonString } from "./python-repr.js";

export type AnswerType = "text/plain" | "application/json" | "application/jose";

/** A key that encrypts answers, as JWE compact serialization (RFC 7516). */
export interface AnswerKey {
  seal(json: Uint8Array): Promise<string>;
}

export interface Answer {
  model: Pick<ModelDescription, "name" | "version">;
  image: {
    width: number;
    height: number;
    format: string;
    encrypted: boolean;
    /**
     * `false` in encrypted answers to `.encrypted` uploads, missing in all others. Without it, a network attacker could
     * present such an answer as that to a JWE upload under the same key.
     */
    authenticated?: false;
  };
  predictions: readonly Prediction[];
  /** Whether the answer contains probabilities, or labels only. */
  probabilities: boolean;
  timings: Pick<Classification, "queueMs" | "inferenceMs"> & { decodeMs: number };
}

/** @returns the text answer, byte for byte as the original sample writes it: each prediction as Python prints a tuple */
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

/** @returns the JSON answer of `POST /evaluate` without a receipt, with times in milliseconds, rounded to microseconds */
export function toJson({ model, image, predictions, probabilities, timings }: Answer) {
  return {
    model: { name: model.name, version: model.version },
    image: { ...image },
    predictions: predictions.map(({ rank, index, label, probability }) => ({
      ...{ rank, index, label },
      ...(probabilities && { probability }),
    })),
    timings_ms: toMilliseconds(timings),
  };
}

/** The durations of the JSON answer as the header `Server-Timing` (W3C Server Timing, section 3). */
export function toServerTiming({ timings }: Answer): string {
  return Object.entries(toMilliseconds(timings))
    .map(([name, duration]) => `${name};dur=${duration}`)
    .join(", ");
}

/**
 * Encrypts JSON (JWE compact serialization, RFC 7516). It is padded with spaces, because its length would reveal the labels.
 *
 * @param bytes length of the padded JSON, from `AnswerSize`
 * @throws Error if the JSON is longer than `bytes`
 */
export async function seal(text: string, key: AnswerKey, bytes: number): Promise<string> {
  const json = Buffer.from(text);
  if (json.length > bytes) throw new Error("an answer is longer than its padded length");
  const padded = Buffer.alloc(bytes, " ");
  json.copy(padded);
  return key.seal(padded);
}

function toMilliseconds(
  timings: Answer["timings"],
): Record<"queue" | "decode" | "inference", number> {
  return {
    queue: milliseconds(timings.queueMs),
    decode: milliseconds(timings.decodeMs),
    inference: milliseconds(timings.inferenceMs),
  };
}

function milliseconds(value: number): number {
  return Math.round(value * 1000) / 1000;
}
