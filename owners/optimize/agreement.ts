import { rank, softmax } from "../../src/inference/ranking.js";

/** How well two models' answers to the same pictures agree. */
export interface Agreement {
  pictures: number;
  /** The share of pictures with the same first label, 0 to 1. */
  top1: number;
  /** The mean share of the original's first five labels that are among the other's first five, 0 to 1. */
  top5: number;
  /** The largest change of any label's probability: 0 to 1. */
  largestChange: number;
}

/**
 * @param originals scores of all labels, for each picture
 * @param others in the same order
 */
export function compareAnswers(
  originals: readonly Float32Array[],
  others: readonly Float32Array[],
  type: "logits" | "probabilities",
): Agreement {
  const pictures = originals.length;
  let sameFirst = 0;
  let found = 0;
  let largestChange = 0;
  const toProbabilities = (scores: Float32Array): Float64Array =>
    type === "logits" ? softmax(scores) : Float64Array.from(scores);
  for (const [index, scores] of originals.entries()) {
    const original = toProbabilities(scores);
    const other = toProbabilities(others[index] ?? new Float32Array(scores.length));
    const wanted = bestLabels(original);
    const got = bestLabels(other);
    if (wanted[0] === got[0]) sameFirst += 1;
    found += wanted.filter((label) => got.includes(label)).length / wanted.length;
    original.forEach((value, label) => {
      largestChange = Math.max(largestChange, Math.abs(value - (other[label] ?? 0)));
    });
  }
  return { pictures, top1: sameFirst / pictures, top5: found / pictures, largestChange };
}

function bestLabels(probabilities: Float64Array): number[] {
  return rank(probabilities, [], 5).map(({ index }) => index);
}

/** The agreement as a line of text. */
export function describeAgreement({ pictures, top1, top5, largestChange }: Agreement): string {
  return (
    `the original's first answer for ${percent(top1)} of ${pictures} pictures, ` +
    `${percent(top5)} of its top 5; a probability changed by ${percent(largestChange).replace(" %", "")} points at most`
  );
}

export function percent(share: number): string {
  const text = (share * 100).toFixed(2);
  // 99.996 % is not all of them.
  return `${text === "100.00" && share < 1 ? "99.99" : text.replace(/\.?0+$/u, "")} %`;
}
