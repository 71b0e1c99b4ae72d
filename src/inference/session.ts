import { BatchRunner, type BatchScores } from "./batch-runner.js";
import type { Picture } from "./classifier.js";
import type { Manifest } from "../model/manifest.js";
import { modelInvalid } from "./model-invalid.js";
import { isOutOfMemory, loadOutOfMemory } from "../model/out-of-memory.js";
import { createRun } from "./run.js";
import { loadRuntime } from "./runtime.js";
import type { LoadOptions } from "./session-options.js";
import { checkSignature } from "./signature.js";
import { checkBatchConsistency } from "./batch-consistency.js";
import { trialRun } from "./trial-run.js";

/** A loaded model whose input and output match its manifest. */
export interface ModelSession {
  manifest: Manifest;
  /** Batch size that the model requires; undefined if it accepts any. */
  fixedBatch: number | undefined;
  /** Most pictures in one call of `run`. */
  maxBatch: number;
  /** Why `maxBatch` is 1, if the model did not answer batches consistently; undefined otherwise. */
  singlePictureReason: string | undefined;
  /**
   * Runs the model. It must not be called while an earlier run is pending.
   *
   * @param pictures at most `maxBatch`; each buffer is taken over, and must hold nothing else
   */
  run: (pictures: readonly Picture[]) => Promise<BatchScores>;
  /** Frees the model's memory. No further run may be started. */
  release: () => Promise<void>;
}

/**
 * Loads a model, compares it with its manifest, and tests it with single pictures and with batches. A model whose answers
 * depend on the other pictures in a batch, or that cannot run batches, gets one picture at a time.
 *
 * @param model the decrypted file, taken over; the buffer must hold nothing else
 * @param onRun called before each run, which blocks this thread until it ends
 * @throws RefusedError MODEL_INVALID
 * @throws ConfigurationError MODEL_OUT_OF_MEMORY
 */
export async function createModelSession(
  model: Uint8Array,
  manifest: Manifest,
  options: LoadOptions,
  onRun: () => void = () => undefined,
): Promise<ModelSession> {
  checkWeights(manifest, options);
  try {
    return await load(model, manifest, options, onRun);
  } catch (error) {
    throw isOutOfMemory(error) ? loadOutOfMemory(options.maxBatch, error) : error;
  }
}

async function load(
  model: Uint8Array,
  manifest: Manifest,
  options: LoadOptions,
  onRun: () => void,
): Promise<ModelSession> {
  const runtime = await loadRuntime(model, options);
  try {
    const fixedBatch = checkSignature(runtime, manifest, options.maxBatch);
    const run = createRun(runtime, manifest, onRun);
    await trialRun(run, manifest, fixedBatch ?? 1);
    const batch = { run, manifest, fixedBatch, maxBatch: fixedBatch ?? options.maxBatch };
    const singlePictureReason = await checkBatchConsistency(batch);
    const maxBatch = singlePictureReason === undefined ? batch.maxBatch : 1;
    const runner = new BatchRunner({ ...batch, maxBatch });
    return {
      manifest,
      fixedBatch,
      maxBatch,
      singlePictureReason,
      run: (pictures) => runner.run(pictures),
      release: () => runtime.release(),
    };
  } catch (error) {
    await runtime.release();
    throw error;
  }
}

function checkWeights({ weights }: Manifest, options: LoadOptions): void {
  if (weights === undefined || weights === options.weights) return;
  throw modelInvalid(
    `weights that are ${weights}, as the manifest says`,
    `Inference.Model.Weights ${JSON.stringify(options.weights)}`,
    `Set it to ${JSON.stringify(weights)}: in 8 bits that is small enough`,
  );
}
