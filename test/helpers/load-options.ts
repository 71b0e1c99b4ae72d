import type { LoadOptions } from "../../src/inference/session-options.js";

/** How tests load a model, where it does not matter how. */
export const loadOptions: LoadOptions = {
  format: "onnx",
  weights: "packed",
  threads: 1,
  maxBatch: 8,
};
