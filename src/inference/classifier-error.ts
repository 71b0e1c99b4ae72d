import { ConfmlError } from "../errors.js";

/**
 * Why the model has no answer to a picture:
 * - MODEL_FAILED: its run failed, or its scores are unusable (faults.ts)
 * - MODEL_TIMEOUT: its run did not end in time, so the process is about to end
 * - MODEL_STOPPING: it was not run because an earlier run did not end in time
 * - MODEL_QUEUE_FULL: too many pictures are waiting
 */
export type ClassifierErrorCode =
  "MODEL_FAILED" | "MODEL_TIMEOUT" | "MODEL_STOPPING" | "MODEL_QUEUE_FULL";

/** A picture was not classified. The client gets the error's message. */
export class ClassifierError extends ConfmlError<ClassifierErrorCode> {}
