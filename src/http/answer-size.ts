import type { ModelDescription } from "../inference/classifier.js";

/** The length of a padded answer in bytes is a multiple of this. */
const stepBytes = 4096;

/** Characters of the longest number that JavaScript writes, such as -1.2345678901234567e-123. */
const longestNumber = 24;
const numbersOfPrediction = 3;
const numbersOfAnswer = 5;
/** The bytes of a prediction, and of the rest of an answer, without their values. */
const predictionBytes = '{"rank":,"index":,"label":,"probability":},'.length;
const answerBytes =
  '{"model":{"name":,"version":},"image":{"width":,"height":,"format":"jpeg","encrypted":false,"authenticated":false},"predictions":[],"timings_ms":{"queue":,"decode":,"inference":},"request":""}'
    .length;
/** SHA-256 in hexadecimal. */
const digestBytes = 64;
const receiptBytes = ',"receipt":""'.length;

/**
 * Computes the length to which the JSON of encrypted answers is padded: that of the longest answer that the model can give
 * for the same `top`. So the length does not depend on the picture. Padding only to the next multiple of 4,096 bytes would
 * not suffice: an attacker who replays a captured JWE could search for the `top` at which the answer grows by 4,096 bytes.
 */
export class AnswerSize {
  readonly #modelBytes: number;
  /** Element `n`: the bytes of the `n` longest labels together. */
  readonly #labelBytes: readonly number[];

  constructor({ name, version, labels }: Pick<ModelDescription, "name" | "version" | "labels">) {
    this.#modelBytes = jsonBytes(name) + jsonBytes(version);
    const lengths = labels.map(jsonBytes).sort((a, b) => b - a);
    let sum = 0;
    this.#labelBytes = [0, ...lengths.map((length) => (sum += length))];
  }

  /**
   * @param top number of labels in the answer
   * @param receipt of the answer: its length does not depend on the picture
   * @returns bytes: a multiple of 4,096, at least the length of every JSON answer with `top` labels
   */
  paddedBytes(top: number, receipt?: string): number {
    const labels = this.#labelBytes[Math.min(top, this.#labelBytes.length - 1)] ?? 0;
    const predictions = top * (predictionBytes + numbersOfPrediction * longestNumber) + labels;
    const rest = answerBytes + digestBytes + this.#modelBytes + numbersOfAnswer * longestNumber;
    const ofReceipt = receipt === undefined ? 0 : receiptBytes + receipt.length;
    return Math.ceil((predictions + rest + ofReceipt) / stepBytes) * stepBytes;
  }
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
