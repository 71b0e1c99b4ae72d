import { MessageChannel } from "node:worker_threads";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { RefusedError, describeCause } from "../errors.js";
import { hasExternalData } from "./external-data.js";
import type { Manifest } from "./manifest.js";
import { packPicture } from "./pack.js";
import { referencePicture } from "./reference-picture.js";
import { sessionOptions, type LoadOptions } from "./session-options.js";

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

const doing = "loading the model";
/** Of the reference answer's range. Kernels of one layout differ by far less, wrong layouts by far more. */
const referenceTolerance = 0.02;

/**
 * Loads a model and holds it against its manifest; runs it once, so that what is ready has answered.
 *
 * @param model taken over: wiped once the session has its own copy, or kept where it works on these bytes
 * @throws RefusedError MODEL_INVALID
 */
export async function createModelSession(
  model: Uint8Array,
  manifest: Manifest,
  options: LoadOptions,
): Promise<ModelSession> {
  if (options.format === "onnx" && readStructure(options, () => hasExternalData(model))) {
    throw invalid(
      "a model whole in one file",
      "one that reads other files (external data)",
      "Save the model with its weights inside",
    );
  }
  const session = await createSession(model, options);
  try {
    const fixedBatch = checkInput(session, manifest);
    checkOutput(session, manifest);
    const run = createRun(session, manifest);
    await tryOut(run, manifest, fixedBatch ?? 1);
    // Where it does not work on these very bytes, the session has its own copy.
    const worksOnBytes = options.format === "ort" && options.weights === "in-place";
    if (!worksOnBytes) discard(model);
    return {
      manifest,
      fixedBatch,
      run: batchRunner(run, manifest, fixedBatch, options.maxBatch),
      release: releaser(session, worksOnBytes ? model : undefined),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

/** A function of its own: what closures share, the longest-lived of them keeps alive. */
function releaser(session: InferenceSession, bytes: Uint8Array | undefined): () => Promise<void> {
  return async () => {
    await session.release();
    bytes?.fill(0);
  };
}

/** Wipes bytes and gives their memory back now, not when the garbage collector gets to it. */
function discard(bytes: Uint8Array): void {
  bytes.fill(0);
  const { buffer } = bytes;
  if (!(buffer instanceof ArrayBuffer)) return;
  // A message that nobody will ever receive takes what it carries with it.
  const { port1, port2 } = new MessageChannel();
  port2.close();
  port1.postMessage(buffer, [buffer]);
  port1.close();
}

async function createSession(model: Uint8Array, options: LoadOptions): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(model, sessionOptions(options));
  } catch (cause) {
    throw notAModel(options, cause);
  }
}

function readStructure<T>(options: LoadOptions, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw notAModel(options, cause);
  }
}

/** One wrong key in 256 leaves padding that looks right, so this too can be a wrong key. */
function notAModel({ format }: LoadOptions, cause: unknown): RefusedError {
  const what = format === "ort" ? "a model in ORT format" : "an ONNX model";
  return invalid(
    `${what} under the decryption`,
    describeCause(cause),
    "Check that the model's key is the one that this file was encrypted with, and that Inference.Model.Format says what the file is",
    cause,
  );
}

function checkInput(session: InferenceSession, { input }: Manifest): number | undefined {
  const { shape } = tensorNamed("input", input.name, session.inputMetadata);
  const [batch, ...picture] = shape;
  const [, ...expected] = input.shape;
  const fits =
    picture.length === expected.length &&
    picture.every((size, index) => typeof size === "string" || size === expected[index]);
  if (!fits) {
    throw invalid(
      `an input of shape [N, ${expected.join(", ")}], as the manifest says`,
      describeShape(shape),
      "Use the manifest that belongs to this model",
    );
  }
  return typeof batch === "number" && batch > 0 ? batch : undefined;
}

function checkOutput(session: InferenceSession, { output, labels }: Manifest): void {
  const { shape } = tensorNamed("output", output.name, session.outputMetadata);
  const width = shape[1];
  if (shape.length !== 2) {
    throw invalid(
      "an output of shape [N, classes]",
      describeShape(shape),
      "Serve a model that classifies pictures",
    );
  }
  if (typeof width === "number" && width > 0) checkLabelCount(width, labels);
}

function checkLabelCount(width: number, labels: readonly string[]): void {
  if (width === labels.length) return;
  throw invalid(
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
  all: InferenceSession["inputMetadata"],
): TensorMetadata {
  const found = all.find((tensor) => tensor.name === name);
  if (found === undefined || !found.isTensor || found.type !== "float32") {
    const got = all.map((tensor) => JSON.stringify(tensor.name)).join(", ");
    throw invalid(
      `a float32 ${kind} named ${JSON.stringify(name)}, as the manifest says`,
      found === undefined ? got : "another type",
      "Use the manifest that belongs to this model",
    );
  }
  if (kind === "input" && all.length > 1) {
    throw invalid("one input", `${all.length} inputs`, "Serve a model with one input");
  }
  return found;
}

/** One run of the session. @param pixels `[batch, 3, crop, crop]`; @returns `[batch, labels]` */
type Run = (pixels: Float32Array, batch: number) => Promise<Float32Array>;

function createRun(session: InferenceSession, { input, output }: Manifest): Run {
  const [, ...picture] = input.shape;
  return async (pixels, batch) => {
    const tensor = new Tensor("float32", pixels, [batch, ...picture]);
    const results = await session.run({ [input.name]: tensor }, [output.name]);
    const data = results[output.name]?.data;
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
    throw invalid(
      "an answer to a first picture",
      describeCause(cause),
      "Check that onnxruntime-node runs this model",
      cause,
    );
  }
  checkLabelCount(scores.length / batch, manifest.labels);
  if (!scores.every(Number.isFinite)) {
    throw invalid("numbers for answers", "NaN or infinity", "Check the model's weights");
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
  throw invalid(
    "the manifest's reference answer to a first picture",
    `one that differs by ${((difference / spread) * 100).toFixed(1)} % of its range`,
    "Use the manifest that belongs to this model, and a processor like the one that it was optimized for (confml model optimize --portable: for any)",
  );
}

function describeShape(shape: readonly (number | string)[]): string {
  return `shape [${shape.join(", ")}]`;
}

function invalid(expected: string, got: string, fix: string, cause?: unknown): RefusedError {
  return new RefusedError("MODEL_INVALID", { doing, expected, got, fix }, { cause });
}
