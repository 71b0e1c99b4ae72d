import type { InferenceSession } from "onnxruntime-node";

/** How to load a model. */
export interface LoadOptions {
  format: "onnx" | "ort";
  /**
   * Where the weights are kept. `packed`: ONNX Runtime copies them into the order that each layer's kernel reads fastest.
   * `in-place`: ONNX Runtime reads them from the decrypted file (runtime.ts), which takes half the memory.
   */
  weights: "packed" | "in-place";
  /** Threads of one run of the model. */
  threads: number;
  /** Largest number of pictures in one run. */
  maxBatch: number;
}

/** @returns ONNX Runtime's session options (onnxruntime_session_options_config_keys.h) */
export function sessionOptions({
  format,
  weights,
  threads,
}: LoadOptions): InferenceSession.SessionOptions {
  const isInPlace = format === "ort" && weights === "in-place";
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // The arena never shrinks, and keeps more memory than the largest batch took.
    enableCpuMemArena: false,
    // Only fatal errors: ONNX Runtime logs to standard error, and messages may contain values computed from pictures.
    logSeverityLevel: 4,
    extra: {
      session: {
        // Set explicitly: ONNX Runtime would otherwise detect the format, and only ONNX is searched for external data.
        load_model_format: format.toUpperCase(),
        // Spinning threads would take processor time from decoding.
        intra_op: { allow_spinning: "0" },
        ...(isInPlace
          ? {
              use_ort_model_bytes_directly: "1",
              use_ort_model_bytes_for_initializers: "1",
              disable_prepacking: "1",
            }
          : {}),
      },
    },
  };
}
