import type { Manifest } from "./manifest.js";

/**
 * Why a picture has no answer. A fixed set of words: what ONNX Runtime says of a failed run may hold values
 * that were computed from the picture, and the log is the host's to read.
 */
export type Fault = "the run failed" | "out of memory" | "not finite" | "no probabilities";

/** Of a sum over up to thousands of float16 or 8-bit numbers. */
const probabilityTolerance = 0.01;

/**
 * @param row the model's scores of one picture, one for each label
 * @returns what is wrong with them: NaN or infinity; for `probabilities` a number outside of 0 to 1, or a sum
 *   other than 1
 */
export function findFault(row: Float32Array, type: Manifest["output"]["type"]): Fault | undefined {
  const isProbability = type === "probabilities";
  const lowest = isProbability ? -probabilityTolerance : -Number.MAX_VALUE;
  const highest = isProbability ? 1 + probabilityTolerance : Number.MAX_VALUE;
  let sum = 0;
  let isInRange = true;
  for (const score of row) {
    // An infinity or NaN stays one in a sum; finite float32 numbers cannot overflow a double's.
    sum += score;
    if (score < lowest || score > highest) isInRange = false;
  }
  if (!Number.isFinite(sum)) return "not finite";
  if (!isProbability) return undefined;
  return isInRange && Math.abs(sum - 1) <= probabilityTolerance ? undefined : "no probabilities";
}
