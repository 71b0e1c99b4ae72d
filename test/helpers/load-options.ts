import type { LoadOptions } from "../../src/inference/session-options.js";

/** Options for tests in which the way of loading a model does not matter. */
export const loadOptions: LoadOptions = {
  format: "onnx",
  weights: "packed",
  threads: 1,
  maxBatch: 8,
};
