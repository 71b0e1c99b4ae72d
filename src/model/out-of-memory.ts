import { ConfigurationError, describeCause } from "../errors.js";

/**
 * Messages about failed allocations: C++'s std::bad_alloc and std::bad_array_new_length, which ONNX Runtime passes on; the
 * message of ONNX Runtime's arena; V8's message for an ArrayBuffer; Node's error code for a worker thread.
 */
const wordings =
  /bad_alloc|bad_array_new_length|Failed to allocate memory|Array buffer allocation failed|ERR_WORKER_OUT_OF_MEMORY/u;

/** Whether an error, or one of its causes, reports a failed memory allocation. */
export function isOutOfMemory(error: unknown): boolean {
  if (wordings.test(describeCause(error))) return true;
  return error instanceof Error && error.cause !== undefined && isOutOfMemory(error.cause);
}

/**
 * Creates the error MODEL_OUT_OF_MEMORY.
 *
 * @param doing what failed, as a participle phrase
 * @param expected noun phrase: "memory for …"
 * @param cause an error for which `isOutOfMemory` is true
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

/**
 * Creates the error MODEL_OUT_OF_MEMORY for loading and trial runs.
 *
 * @param maxBatch largest number of pictures in one run
 * @param cause an error for which `isOutOfMemory` is true
 */
export function loadOutOfMemory(maxBatch: number, cause: unknown): ConfigurationError {
  const expected = `memory for it and for a run of ${maxBatch} pictures`;
  return modelOutOfMemory("loading the model", expected, cause);
}
