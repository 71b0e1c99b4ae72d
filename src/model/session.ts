import { InferenceSession, Tensor } from "onnxruntime-node";
import { RefusedError, describeCause } from "../errors.js";
import { hasExternalData } from "./external-data.js";
import type { Manifest } from "./manifest.js";

/** A loaded model whose input and output are what its manifest says. */
export interface ModelSession {
  manifest: Manifest;
  /** Pictures that one run takes; undefined where any number will do. */
  fixedBatch: number | undefined;
  /**
   * @param pixels `[batch, 3, crop, crop]`
   * @returns `[batch, labels]`
   */
  run: (pixels: Float32Array, batch: number) => Promise<Float32Array>;
  release: () => Promise<void>;
}

const doing = "loading the model";

/**
 * Loads ONNX bytes and holds the model against its manifest; runs it once, so that what is ready has
 * answered.
 *
 * @throws RefusedError MODEL_INVALID
 */
export async function createModelSession(
  model: Uint8Array,
  manifest: Manifest,
): Promise<ModelSession> {
  if (readStructure(() => hasExternalData(model))) {
    throw invalid(
      "a model whole in one file",
      "one that reads other files (external data)",
      "Save the model with its weights inside",
    );
  }
  const session = await createSession(model);
  try {
    const fixedBatch = checkInput(session, manifest);
    checkOutput(session, manifest);
    const runner = createRunner(session, manifest, fixedBatch);
    await tryOut(runner);
    return runner;
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function createSession(model: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(model, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      // Warnings of the runtime's go to standard error, past our log.
      logSeverityLevel: 3,
      // Bytes 4 to 7 could name the runtime's own format, which the search for external data cannot read.
      extra: { session: { load_model_format: "ONNX" } },
    });
  } catch (cause) {
    throw notOnnx(cause);
  }
}

function readStructure<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw notOnnx(cause);
  }
}

/** One wrong key in 256 leaves padding that looks right, so this too can be a wrong key. */
function notOnnx(cause: unknown): RefusedError {
  return invalid(
    "an ONNX model under the decryption",
    describeCause(cause),
    "Check that the model's key is the one that this file was encrypted with, and that the file is ONNX",
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

function createRunner(
  session: InferenceSession,
  manifest: Manifest,
  fixedBatch: number | undefined,
): ModelSession {
  const { input, output } = manifest;
  const [, ...picture] = input.shape;
  return {
    manifest,
    fixedBatch,
    async run(pixels, batch) {
      const tensor = new Tensor("float32", pixels, [batch, ...picture]);
      const results = await session.run({ [input.name]: tensor }, [output.name]);
      const data = results[output.name]?.data;
      if (!(data instanceof Float32Array)) throw new Error("an output that is no float32 tensor");
      return data;
    },
    release: () => session.release(),
  };
}

/** A grey picture: what it is does not matter, that there is a sound answer does. */
async function tryOut({ manifest, fixedBatch, run }: ModelSession): Promise<void> {
  const [, ...picture] = manifest.input.shape;
  const batch = fixedBatch ?? 1;
  let scores: Float32Array;
  try {
    const pixels = new Float32Array(batch * picture.reduce((a, b) => a * b, 1));
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
}

function describeShape(shape: readonly (number | string)[]): string {
  return `shape [${shape.join(", ")}]`;
}

function invalid(expected: string, got: string, fix: string, cause?: unknown): RefusedError {
  return new RefusedError("MODEL_INVALID", { doing, expected, got, fix }, { cause });
}
