import { describeCause } from "../errors.js";
import { findFault } from "./faults.js";
import type { Manifest } from "../model/manifest.js";
import { modelInvalid } from "./model-invalid.js";
import { referencePicture } from "./reference-picture.js";
import { pictureLength, OutputShapeError, type Run } from "./run.js";
import { checkLabelCount } from "./signature.js";

/**
 * How far an answer may differ from the reference answer, relative to the reference answer's range. Kernels for the same
 * memory layout differ by far less, those for a wrong layout by far more.
 */
const referenceTolerance = 0.02;

/**
 * Runs the reference picture, and checks that the answer is valid and agrees with the manifest's reference answer, if any.
 *
 * @param batch number of pictures in the run; all but the first are zeros
 * @throws RefusedError MODEL_INVALID
 */
export async function trialRun(run: Run, manifest: Manifest, batch: number): Promise<void> {
  const { labels, output } = manifest;
  const scores = await firstAnswer(run, manifest, batch);
  const first = scores.subarray(0, labels.length);
  const fault = findFault(first, output.type);
  if (fault === "not finite") {
    throw modelInvalid("numbers for answers", "NaN or infinity", "Check the model's weights");
  }
  if (fault !== undefined) {
    const sum = first.reduce((a, b) => a + b, 0);
    throw modelInvalid(
      "probabilities from 0 to 1 with a sum of 1, as the manifest's output.type says",
      `numbers from ${Math.min(...first)} to ${Math.max(...first)} with a sum of ${sum}`,
      "Set output.type to logits where the model has no softmax at its end",
    );
  }
  checkReference(first, manifest);
}

async function firstAnswer(run: Run, manifest: Manifest, batch: number): Promise<Float32Array> {
  const size = pictureLength(manifest);
  try {
    const pixels = new Float32Array(batch * size);
    pixels.set(referencePicture(size));
    return await run(pixels, batch);
  } catch (cause) {
    if (cause instanceof OutputShapeError && cause.got[0] === batch) {
      const [, width, ...others] = cause.got;
      if (width !== undefined && others.length === 0) checkLabelCount(width, manifest.labels);
    }
    throw modelInvalid(
      "an answer to a first picture",
      describeCause(cause),
      "Check that onnxruntime-node runs this model",
      cause,
    );
  }
}

/** Detects a model that was optimized for another processor's layout: it does not fail, but gives wrong answers. */
function checkReference(scores: Float32Array, { reference }: Manifest): void {
  if (reference === undefined) return;
  const { output } = reference;
  const spread = Math.max(...output) - Math.min(...output);
  const difference = Math.max(
    ...output.map((value, index) => Math.abs(value - (scores[index] ?? 0))),
  );
  if (difference <= spread * referenceTolerance) return;
  throw modelInvalid(
    "the manifest's reference answer to a first picture",
    `one that differs by ${((difference / spread) * 100).toFixed(1)} % of its range`,
    "Use the manifest that belongs to this model, and a processor like the one that it was optimized for (confml model optimize --portable: for any)",
  );
}
