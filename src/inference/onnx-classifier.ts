import type { ModelSession } from "../model/session.js";
import { BatchQueue } from "./batch-queue.js";
import type { Classification, Classifier, ModelDescription } from "./classifier.js";
import { softmax } from "./ranking.js";

export interface OnnxClassifierOptions {
  session: ModelSession;
  maxBatch: number;
  maxBatchDelayMs: number;
  maxQueue: number;
}

/** Classifies with a model session, many pictures in one run where many wait. */
export class OnnxClassifier implements Classifier {
  readonly model: ModelDescription;
  readonly #queue: BatchQueue<Float32Array, Float64Array>;

  constructor({ session, maxBatch, maxBatchDelayMs, maxQueue }: OnnxClassifierOptions) {
    this.model = describe(session);
    this.#queue = new BatchQueue({
      maxBatch: Math.min(maxBatch, session.fixedBatch ?? maxBatch),
      maxDelayMs: maxBatchDelayMs,
      maxQueue,
      run: (pictures) => runBatch(session, pictures),
    });
  }

  async classify(pixels: Float32Array, signal: AbortSignal): Promise<Classification> {
    const { output, queueMs, runMs } = await this.#queue.add(pixels, signal);
    return { probabilities: output, queueMs, inferenceMs: runMs };
  }
}

async function runBatch(session: ModelSession, pictures: Float32Array[]): Promise<Float64Array[]> {
  const { manifest, fixedBatch } = session;
  const size = pictures[0]?.length ?? 0;
  const batch = fixedBatch ?? pictures.length;
  const packed = new Float32Array(batch * size);
  pictures.forEach((pixels, index) => {
    packed.set(pixels, index * size);
  });
  const scores = await session.run(packed, batch);
  const classes = manifest.labels.length;
  return pictures.map((_, index) => {
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
