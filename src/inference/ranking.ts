export interface Prediction {
  /** From 1. */
  rank: number;
  index: number;
  label: string;
  /** 0 to 1 */
  probability: number;
}

/** The most probable labels first; equal ones by index. */
export function rank(
  probabilities: Float64Array,
  labels: readonly string[],
  top: number,
): Prediction[] {
  return Array.from(probabilities, (probability, index) => ({ probability, index }))
    .sort((a, b) => b.probability - a.probability || a.index - b.index)
    .slice(0, top)
    .map(({ probability, index }, position) => ({
      rank: position + 1,
      index,
      label: labels[index] ?? "",
      probability,
    }));
}

/** Shifted by the largest logit, so that no exponential overflows. */
export function softmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const exponentials = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((value) => value / sum);
}
