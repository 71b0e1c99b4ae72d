/** One of the most probable labels in an answer. */
export interface Prediction {
  /** Position in the ranking, from 1. */
  rank: number;
  /** Index in the model's list of labels. */
  index: number;
  label: string;
  /** Probability from 0 to 1. */
  probability: number;
}

/** Up to this number, labels are selected by insertion, which is faster than sorting all. */
const mostInserted = 32;

/**
 * Ranks labels by probability, and labels of equal probability by index.
 *
 * @param probabilities `[labels]`, in the labels' order
 * @param top number of labels to return
 * @returns the `top` most probable labels, best first; all labels if there are fewer
 */
export function rank(
  probabilities: Float64Array,
  labels: readonly string[],
  top: number,
): Prediction[] {
  return Array.from(mostProbable(probabilities, top), (index, position) => ({
    rank: position + 1,
    index,
    label: labels[index] ?? "",
    probability: probabilities[index] ?? 0,
  }));
}

/** @returns the indices of the `top` most probable labels, in order */
function mostProbable(probabilities: Float64Array, top: number): Uint32Array {
  const count = Math.min(top, probabilities.length);
  if (count > mostInserted) {
    return Uint32Array.from(probabilities.keys())
      .sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b)
      .subarray(0, count);
  }
  const best = new Uint32Array(count);
  let found = 0;
  for (let index = 0; index < probabilities.length; index += 1) {
    const probability = probabilities[index] ?? 0;
    let at = found;
    // Strictly less: of equal probabilities the one with the lower index stays first.
    while (at > 0 && (probabilities[best[at - 1] ?? 0] ?? 0) < probability) at -= 1;
    if (at === count) continue;
    best.copyWithin(at + 1, at, count - 1);
    best[at] = index;
    if (found < count) found += 1;
  }
  return best;
}

/**
 * Converts logits to probabilities. The largest logit is subtracted from each first, so that no exponential overflows.
 *
 * @param logits `[labels]`, all finite
 * @returns `[labels]` probabilities with a sum of 1
 */
export function softmax(logits: Float32Array): Float64Array {
  let largest = -Infinity;
  for (const logit of logits) largest = Math.max(largest, logit);
  const probabilities = new Float64Array(logits.length);
  let sum = 0;
  for (let index = 0; index < logits.length; index += 1) {
    const exponential = Math.exp((logits[index] ?? 0) - largest);
    probabilities[index] = exponential;
    sum += exponential;
  }
  for (let index = 0; index < probabilities.length; index += 1) {
    probabilities[index] = (probabilities[index] ?? 0) / sum;
  }
  return probabilities;
}
