import type { Fault } from "./faults.js";
import type { ModelSession } from "./session.js";
import { BatchQueue } from "./batch-queue.js";
import type { Classification, Classifier, ModelDescription, Picture } from "./classifier.js";
import { ClassifierError } from "./classifier-error.js";
import { softmax } from "./ranking.js";

/** The model, limits and callbacks of an `OnnxClassifier`. */
export interface OnnxClassifierOptions {
  session: ModelSession;
  /** How long a batch waits for more pictures; 0: a batch is everything queued when the previous run ends. */
  maxBatchDelayMs: number;
  /** Most pictures that wait; further ones are refused with MODEL_QUEUE_FULL. */
  maxQueue: number;
  /** Called at the start of each run with its number of pictures. */
  onBatch: (size: number) => void;
  /** Called for each picture without an answer. */
  onFault: (fault: Fault) => void;
}

/** Classifies with a model session. Pictures that wait at the same time share a run. */
export class OnnxClassifier implements Classifier {
  readonly model: ModelDescription;
  readonly #queue: BatchQueue<Picture, Float64Array | Fault>;
  readonly #onFault: (fault: Fault) => void;

  constructor(options: OnnxClassifierOptions) {
    const { session, maxBatchDelayMs, maxQueue, onBatch, onFault } = options;
    this.#onFault = onFault;
    this.model = describe(session);
    this.#queue = new BatchQueue({
      maxBatch: session.maxBatch,
      maxDelayMs: maxBatchDelayMs,
      maxQueue,
      run: (pictures) => runBatch(session, pictures),
      onBatch,
    });
  }

  /** Number of pictures whose run has not begun. */
  get queueLength(): number {
    return this.#queue.length;
  }

  async classify(
    picture: Picture,
    signal: AbortSignal,
    owner: object | undefined,
  ): Promise<Classification> {
    const { output, queueMs, runMs } = await this.#queue.add(picture, signal, owner);
    if (typeof output !== "string") return { probabilities: output, queueMs, inferenceMs: runMs };
    this.#onFault(output);
    // The fault goes to `onFault` only: it is for the operator.
    throw new ClassifierError("MODEL_FAILED", "the model has no answer to this picture");
  }
}

async function runBatch(
  { manifest, run }: ModelSession,
  pictures: readonly Picture[],
): Promise<(Float64Array | Fault)[]> {
  const { scores, faults } = await run(pictures);
  const classes = manifest.labels.length;
  return pictures.map((_, index) => {
    const fault = faults.get(index);
    if (fault !== undefined) return fault;
    const row = scores.subarray(index * classes, (index + 1) * classes);
    return manifest.output.type === "logits" ? softmax(row) : Float64Array.from(row);
  });
}

function describe({ manifest, fixedBatch }: ModelSession): ModelDescription {
  const { name, version, labels, input, output } = manifest;
  const [, ...picture] = input.shape;
  const batch = fixedBatch ?? -1;
  return {
    name,
    version,
    labels,
    input: { name: input.name, shape: [batch, ...picture] },
    output: { name: output.name, shape: [batch, labels.length] },
  };
}
