/** What a model is, for those who ask it. */
export interface ModelDescription {
  name: string;
  version: string;
  /** By index of the output. */
  labels: readonly string[];
  input: TensorDescription;
  output: TensorDescription;
}

export interface TensorDescription {
  name: string;
  /** -1 where any size will do (Open Inference Protocol). */
  shape: readonly number[];
}

export interface Classification {
  /** One for each label, in the labels' order; they add up to 1. */
  probabilities: Float64Array;
  /** Milliseconds from the call to the start of the model's run. */
  queueMs: number;
  /** Milliseconds of the model's run, of which other pictures may have had a share. */
  inferenceMs: number;
}

/** A model that answers. */
export interface Classifier {
  readonly model: ModelDescription;
  /**
   * @param pixels one picture as the model sees it, `[height, width, 3]`: red, green, blue; taken over
   * @param signal the asker is gone, or has waited long enough: drop it if it still waits
   * @param owner of the picture, compared by identity: pictures of different owners never share a run
   * @throws RequestError OVERLOADED where too many wait, MODEL_FAILED where the model has no answer
   */
  classify(
    pixels: Uint8Array,
    signal: AbortSignal,
    owner: object | undefined,
  ): Promise<Classification>;
}
