/** A model's description for clients. */
export interface ModelDescription {
  name: string;
  version: string;
  /** In the order of the model's scores. */
  labels: readonly string[];
  input: TensorDescription;
  output: TensorDescription;
}

export interface TensorDescription {
  name: string;
  /** -1 stands for any size (Open Inference Protocol). */
  shape: readonly number[];
}

export interface Classification {
  /** One for each label, in the labels' order, with a sum of 1. */
  probabilities: Float64Array;
  /** Milliseconds from the call to the start of the model's run. */
  queueMs: number;
  /** Milliseconds of the model's run, which other pictures may have shared. */
  inferenceMs: number;
}

/** Classifies pictures with a model. */
export interface Classifier {
  readonly model: ModelDescription;
  /**
   * Classifies one picture.
   *
   * @param pixels `[crop, crop, 3]` bytes: red, green, blue. The buffer is taken over
   * @param signal drops the picture if it aborts while the picture waits: the client has disconnected, or timed out
   * @param owner the picture's owner, compared by identity; pictures of different owners never share a run
   * @throws ClassifierError; the signal's reason
   */
  classify(
    pixels: Uint8Array,
    signal: AbortSignal,
    owner: object | undefined,
  ): Promise<Classification>;
}
