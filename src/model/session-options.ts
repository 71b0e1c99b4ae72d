import type { InferenceSession } from "onnxruntime-node";

export interface LoadOptions {
  format: "onnx" | "ort";
  /**
   * `packed`: copied into the order that each layer's kernel reads fastest. `in-place`: used where they lie in
   * the decrypted file (runtime.ts), at half the memory.
   */
  weights: "packed" | "in-place";
  /** Of one run of the model. */
  threads: number;
  /** Pictures in one run. */
  maxBatch: number;
}

/** What ONNX Runtime is told (onnxruntime_session_options_config_keys.h). */
export function sessionOptions({
  format,
  weights,
  threads,
}: LoadOptions): InferenceSession.SessionOptions {
  const asItLies = format === "ort" && weights === "in-place";
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Its blocks only grow, to what the largest batch ever took and more.
    enableCpuMemArena: false,
    // Nothing below fatal: it goes to standard error, past our log, and may hold values computed from pictures.
    logSeverityLevel: 4,
    extra: {
      session: {
        // Never guessed from the bytes: the search for external data reads ONNX alone.
        load_model_format: format.toUpperCase(),
        // Threads that wait for work by turning round take the cores from decoding.
        intra_op: { allow_spinning: "0" },
        ...(asItLies
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
