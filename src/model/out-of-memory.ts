import { ConfigurationError, describeCause } from "../errors.js";

/**
 * C++'s std::bad_alloc and bad_array_new_length, as ONNX Runtime passes them on, its arena's own words, V8's for an
 * ArrayBuffer, and Node's code for a thread.
 */
const wordings =
  /bad_alloc|bad_array_new_length|Failed to allocate memory|Array buffer allocation failed|ERR_WORKER_OUT_OF_MEMORY/u;

/** Whether an error, or what caused it, says that there is not enough memory. */
export function isOutOfMemory(error: unknown): boolean {
  if (wordings.test(describeCause(error))) return true;
  return error instanceof Error && error.cause !== undefined && isOutOfMemory(error.cause);
}

/**
 * @param doing what there was no memory for, as a participle
 * @param expected "memory for …"
 */
export function modelOutOfMemory(
  doing: string,
  expected: string,
  cause: unknown,
): ConfigurationError {
  return new ConfigurationError(
    "MODEL_OUT_OF_MEMORY",
    {
      doing,
      expected,
      got: describeCause(cause instanceof Error ? (cause.cause ?? cause) : cause),
      fix: 'Raise MemorySize in config.json (outside of a TEE: what the process may have), lower Inference.Limits.MaxBatch, set Inference.Model.Weights to "in-place", or serve a smaller model',
    },
    { cause },
  );
}

/** @param maxBatch pictures in one run */
export function loadOutOfMemory(maxBatch: number, cause: unknown): ConfigurationError {
  const expected = `memory for it and for a run of ${maxBatch} pictures`;
  return modelOutOfMemory("loading the model", expected, cause);
}
