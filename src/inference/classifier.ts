/** A model's description for clients. */
export interface ModelDescription {
  name: string;
  version: string;
  /** Labels of the classes, in the order of the model's scores. */
  labels: readonly string[];
  input: TensorDescription;
  output: TensorDescription;
}

/** The model's input or output tensor, for clients. */
export interface TensorDescription {
  name: string;
  /** -1 stands for any size (Open Inference Protocol). */
  shape: readonly number[];
}

/** The model's answer to one picture. */
export interface Classification {
  /** `[labels]`, in the labels' order, with a sum of 1. */
  probabilities: Float64Array;
  /** Milliseconds from the call to the start of the model's run. */
  queueMs: number;
  /** Milliseconds of the model's run, which other pictures may have shared. */
  inferenceMs: number;
}

/**
 * A picture as the classifier takes it: `[crop, crop, 3]` bytes (red, green, blue), or `[3, crop, crop]` numbers that are
 * normalised already, with the channels in the model's order.
 */
export type Picture = Uint8Array | Float32Array;

/** Classifies pictures with a model. */
export interface Classifier {
  readonly model: ModelDescription;
  /**
   * Classifies one picture.
   *
   * @param picture its buffer is taken over
   * @param signal drops the picture if it aborts while the picture waits: the client has disconnected, or timed out
   * @param owner the picture's owner, compared by identity; pictures of different owners never share a run
   * @throws ClassifierError; the signal's reason if it aborts while the picture waits
   */
  classify(
    picture: Picture,
    signal: AbortSignal,
    owner: object | undefined,
  ): Promise<Classification>;
}
