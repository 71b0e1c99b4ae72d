import type { Manifest } from "../../src/model/manifest.js";
import type { OptimizedModel } from "./optimize.js";

/**
 * The manifest of an optimized model. What was measured of the original's accuracy is not said of one in
 * 8 bits, which is another model.
 *
 * @param reference what the optimized model answers to `referencePicture()`
 */
export function describeOptimized(
  { accuracy, provenance, ...manifest }: Manifest,
  { layers, format }: OptimizedModel,
  report: string,
  reference: number[],
): Manifest {
  const bits = layers === 0 ? "32 bits" : `${layers} layer${layers === 1 ? "" : "s"} in 8 bits`;
  return {
    ...manifest,
    ...(layers === 0 ? {} : { weights: "packed" as const }),
    reference: { output: reference },
    provenance: {
      ...provenance,
      optimization: `confml model optimize: ${bits}, ${format.toUpperCase()} format; ${report}`,
    },
    ...(layers === 0 && accuracy !== undefined ? { accuracy } : {}),
  };
}
