import type { Manifest } from "../model/manifest.js";

/**
 * Why a picture has no answer, for the log. The host can read the log, and ONNX Runtime's message about a failed run may
 * contain values that were computed from the picture. So only these fixed texts are logged.
 */
export type Fault = "the run failed" | "out of memory" | "not finite" | "no probabilities";

/** Rounding error allowed in a probability, and in the sum of thousands of float16 or 8-bit probabilities. */
const probabilityTolerance = 0.01;

/**
 * Checks the answer to one picture: no NaN or infinity; for `probabilities`, numbers from 0 to 1 with a sum of 1.
 *
 * @param row `[labels]`: the model's scores for the picture
 * @param type `output.type` of the manifest
 * @returns why the answer is invalid; undefined for a valid answer
 */
export function findFault(row: Float32Array, type: Manifest["output"]["type"]): Fault | undefined {
  const isProbability = type === "probabilities";
  const lowest = isProbability ? -probabilityTolerance : -Number.MAX_VALUE;
  const highest = isProbability ? 1 + probabilityTolerance : Number.MAX_VALUE;
  let sum = 0;
  let isInRange = true;
  for (const score of row) {
    // A sum that contains infinity or NaN is not finite; a sum of finite float32 numbers cannot overflow a double.
    sum += score;
    if (score < lowest || score > highest) isInRange = false;
  }
  if (!Number.isFinite(sum)) return "not finite";
  if (!isProbability) return undefined;
  return isInRange && Math.abs(sum - 1) <= probabilityTolerance ? undefined : "no probabilities";
}
