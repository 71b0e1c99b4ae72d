import { describeCause } from "../errors.js";
import type { Manifest } from "./manifest.js";
import { modelInvalid } from "./model-invalid.js";
import { packPicture } from "./pack.js";
import { referencePicture } from "./reference-picture.js";
import { loadRuntime, type Runtime } from "./runtime.js";
import type { LoadOptions } from "./session-options.js";

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
   * @returns `[pictures, labels]`
   */
  run: (pictures: readonly Uint8Array[]) => Promise<Float32Array>;
  release: () => Promise<void>;
}

/** Of the reference answer's range. Kernels of one layout differ by far less, wrong layouts by far more. */
const referenceTolerance = 0.02;

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
    const fixedBatch = checkInput(runtime, manifest);
    checkOutput(runtime, manifest);
    const run = createRun(runtime, manifest);
    await tryOut(run, manifest, fixedBatch ?? 1);
    return {
      manifest,
      fixedBatch,
      run: batchRunner(run, manifest, fixedBatch, options.maxBatch),
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

function checkInput(runtime: Runtime, { input }: Manifest): number | undefined {
  const { shape } = tensorNamed("input", input.name, runtime.inputs);
  const [batch, ...picture] = shape;
  const [, ...expected] = input.shape;
  const fits =
    picture.length === expected.length &&
    picture.every((size, index) => typeof size === "string" || size === expected[index]);
  if (!fits) {
    throw modelInvalid(
      `an input of shape [N, ${expected.join(", ")}], as the manifest says`,
      describeShape(shape),
      "Use the manifest that belongs to this model",
    );
  }
  return typeof batch === "number" && batch > 0 ? batch : undefined;
}

function checkOutput(runtime: Runtime, { output, labels }: Manifest): void {
  const { shape } = tensorNamed("output", output.name, runtime.outputs);
  const width = shape[1];
  if (shape.length !== 2) {
    throw modelInvalid(
      "an output of shape [N, classes]",
      describeShape(shape),
      "Serve a model that classifies pictures",
    );
  }
  if (typeof width === "number" && width > 0) checkLabelCount(width, labels);
}

function checkLabelCount(width: number, labels: readonly string[]): void {
  if (width === labels.length) return;
  throw modelInvalid(
    `as many labels as the model has outputs (${width})`,
    `${labels.length} labels`,
    "Use the label list that belongs to this model",
  );
}

interface TensorMetadata {
  shape: readonly (number | string)[];
}

function tensorNamed(
  kind: "input" | "output",
  name: string,
  all: Runtime["inputs"],
): TensorMetadata {
  const found = all.find((tensor) => tensor.name === name);
  if (found === undefined || !found.isTensor || found.type !== "float32") {
    const got = all.map((tensor) => JSON.stringify(tensor.name)).join(", ");
    throw modelInvalid(
      `a float32 ${kind} named ${JSON.stringify(name)}, as the manifest says`,
      found === undefined ? got : "another type",
      "Use the manifest that belongs to this model",
    );
  }
  if (kind === "input" && all.length > 1) {
    throw modelInvalid("one input", `${all.length} inputs`, "Serve a model with one input");
  }
  return found;
}

/** One run of the session. @param pixels `[batch, 3, crop, crop]`; @returns `[batch, labels]` */
type Run = (pixels: Float32Array, batch: number) => Promise<Float32Array>;

function createRun(runtime: Runtime, { input, output }: Manifest): Run {
  const [, ...picture] = input.shape;
  return async (pixels, batch) => {
    const data = await runtime.run(input.name, pixels, [batch, ...picture], output.name);
    if (!(data instanceof Float32Array)) throw new Error("an output that is no float32 tensor");
    return data;
  };
}

/** Each picture is packed once, into the one tensor that all batches share. */
function batchRunner(
  run: Run,
  manifest: Manifest,
  fixedBatch: number | undefined,
  maxBatch: number,
): ModelSession["run"] {
  const size = pictureLength(manifest);
  const tensor = new Float32Array((fixedBatch ?? maxBatch) * size);
  return async (pictures) => {
    pictures.forEach((picture, index) => {
      packPicture(picture, manifest.preprocessing, tensor, index * size);
    });
    const batch = fixedBatch ?? pictures.length;
    const scores = await run(tensor.subarray(0, batch * size), batch);
    return scores.subarray(0, pictures.length * manifest.labels.length);
  };
}

function pictureLength({ input }: Manifest): number {
  const [, ...picture] = input.shape;
  return picture.reduce((a, b) => a * b, 1);
}

/** What is ready has given a sound answer, and the very one that its manifest may name. */
async function tryOut(run: Run, manifest: Manifest, batch: number): Promise<void> {
  const size = pictureLength(manifest);
  let scores: Float32Array;
  try {
    const pixels = new Float32Array(batch * size);
    pixels.set(referencePicture(size));
    scores = await run(pixels, batch);
  } catch (cause) {
    throw modelInvalid(
      "an answer to a first picture",
      describeCause(cause),
      "Check that onnxruntime-node runs this model",
      cause,
    );
  }
  checkLabelCount(scores.length / batch, manifest.labels);
  if (!scores.every(Number.isFinite)) {
    throw modelInvalid("numbers for answers", "NaN or infinity", "Check the model's weights");
  }
  checkReference(scores, manifest);
}

/** A model whose layout is another processor's does not fail: it answers wrongly. */
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

function describeShape(shape: readonly (number | string)[]): string {
  return `shape [${shape.join(", ")}]`;
}
