import { BatchRunner, type BatchScores } from "./batch-runner.js";
import type { Manifest } from "./manifest.js";
import { modelInvalid } from "./model-invalid.js";
import { createRun } from "./run.js";
import { loadRuntime } from "./runtime.js";
import type { LoadOptions } from "./session-options.js";
import { checkSignature } from "./signature.js";
import { tryOut } from "./try-out.js";

/** A loaded model whose input and output are what its manifest says. */
export interface ModelSession {
  manifest: Manifest;
  /** Pictures that one run takes; undefined where any number will do. */
  fixedBatch: number | undefined;
  /**
   * Never called while an earlier run goes on.
   *
   * @param pictures each `[crop, crop, 3]` bytes in a buffer of its own, which is taken over; at most
   *   `maxBatch`
   */
  run: (pictures: readonly Uint8Array[]) => Promise<BatchScores>;
  release: () => Promise<void>;
}

/**
 * Loads a model and holds it against its manifest; runs it once, so that what is ready has answered.
 *
 * @param model taken over, in a buffer of its own
 * @throws RefusedError MODEL_INVALID
 */
export async function createModelSession(
  model: Uint8Array,
  manifest: Manifest,
  options: LoadOptions,
): Promise<ModelSession> {
  checkWeights(manifest, options);
  const runtime = await loadRuntime(model, options);
  try {
    const fixedBatch = checkSignature(runtime, manifest);
    const run = createRun(runtime, manifest);
    await tryOut(run, manifest, fixedBatch ?? 1);
    const { maxBatch } = options;
    const runner = new BatchRunner({ run, manifest, fixedBatch, maxBatch });
    return {
      manifest,
      fixedBatch,
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
