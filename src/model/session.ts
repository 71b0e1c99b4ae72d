import { BatchRunner, type BatchScores } from "./batch-runner.js";
import type { Manifest } from "./manifest.js";
import { modelInvalid } from "./model-invalid.js";
import { isOutOfMemory, loadOutOfMemory } from "./out-of-memory.js";
import { createRun } from "./run.js";
import { loadRuntime } from "./runtime.js";
import type { LoadOptions } from "./session-options.js";
import { checkSignature } from "./signature.js";
import { tryCompany } from "./company.js";
import { tryOut } from "./try-out.js";

/** A loaded model whose input and output are what its manifest says. */
export interface ModelSession {
  manifest: Manifest;
  /** Pictures that one run takes; undefined where any number will do. */
  fixedBatch: number | undefined;
  /** Pictures in one call of `run`. */
  maxBatch: number;
  /** Why that is one, where the model did not bear several when it was tried out. */
  aloneBecause: string | undefined;
  /**
   * Never called while an earlier run goes on.
   *
   * @param pictures each `[crop, crop, 3]` bytes in a buffer of its own, which is taken over; at most
   *   `maxBatch`; company does not change a picture's answer
   */
  run: (pictures: readonly Uint8Array[]) => Promise<BatchScores>;
  release: () => Promise<void>;
}

/**
 * Loads a model and compares it with its manifest; runs it alone and in batches, so that what is ready has answered.
 * A model whose answers depend on the others in a batch, or that cannot run batches, gets one picture at a time.
 *
 * @param model taken over, in a buffer of its own
 * @param onRun called before each run, which holds up this thread until it ends
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
    await tryOut(run, manifest, fixedBatch ?? 1);
    const batch = { run, manifest, fixedBatch, maxBatch: fixedBatch ?? options.maxBatch };
    const aloneBecause = await tryCompany(batch);
    const maxBatch = aloneBecause === undefined ? batch.maxBatch : 1;
    const runner = new BatchRunner({ ...batch, maxBatch });
    return {
      manifest,
      fixedBatch,
      maxBatch,
      aloneBecause,
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
