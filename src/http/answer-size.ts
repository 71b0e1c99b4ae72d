import type { ModelDescription } from "../inference/classifier.js";

/** Encrypted answers have a multiple of so many bytes. */
const stepBytes = 4096;

/** The longest text of a number of JavaScript's, such as -1.2345678901234567e-123. */
const longestNumber = 24;
const numbersOfPrediction = 3;
const numbersOfAnswer = 5;
/** The names, quotes and braces of a prediction, and of all else of an answer. */
const predictionBytes = '{"rank":,"index":,"label":,"probability":},'.length;
const answerBytes =
  '{"model":{"name":,"version":},"image":{"width":,"height":,"format":"jpeg","encrypted":false,"authenticated":false},"predictions":[],"timings_ms":{"queue":,"decode":,"inference":}}'
    .length;

/**
 * How long encrypted answers are made: their length is that of the longest answer that the model can give for the same
 * `top`, so that it depends on nothing in the picture. Whoever replays a captured JWE chooses `top`, and could
 * otherwise find the one at which the labels need another 4,096 bytes.
 */
export class AnswerSize {
  readonly #modelBytes: number;
  /** At `n`, the bytes of the `n` longest labels. */
  readonly #labelBytes: readonly number[];

  constructor({ name, version, labels }: Pick<ModelDescription, "name" | "version" | "labels">) {
    this.#modelBytes = jsonBytes(name) + jsonBytes(version);
    const lengths = labels.map(jsonBytes).sort((a, b) => b - a);
    let sum = 0;
    this.#labelBytes = [0, ...lengths.map((length) => (sum += length))];
  }

  /** @returns a multiple of 4,096 that is no less than any JSON answer with `top` labels */
  paddedBytes(top: number): number {
    const labels = this.#labelBytes[Math.min(top, this.#labelBytes.length - 1)] ?? 0;
    const predictions = top * (predictionBytes + numbersOfPrediction * longestNumber) + labels;
    const rest = answerBytes + this.#modelBytes + numbersOfAnswer * longestNumber;
    return Math.ceil((predictions + rest) / stepBytes) * stepBytes;
  }
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
