import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Manifest } from "../../src/model/manifest.js";
import { referencePicture } from "../../src/inference/reference-picture.js";
import { sessionOptions } from "../../src/inference/session-options.js";

export type ModelFormat = "onnx" | "ort";

/** Significant digits of a reference answer, as many as a float32 has. */
const referenceDigits = 7;

/**
 * Lets ONNX Runtime optimize a model as it does when loading it, and save the result in ORT format.
 *
 * @param folder for the temporary file, because ONNX Runtime only writes to paths. Nobody else may be able to read it,
 *   since it gets the weights in plaintext
 * @param isPortable without memory layouts for this processor's vectors: blocks of 16 numbers with AVX-512, else of 8
 */
export async function convertToOrt(
  model: Uint8Array,
  folder: string,
  isPortable: boolean,
): Promise<Uint8Array> {
  const file = join(folder, "model.ort");
  const session = await InferenceSession.create(model, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: isPortable ? "extended" : "all",
    optimizedModelFilePath: file,
    logSeverityLevel: 3,
    extra: { session: { load_model_format: "ONNX", save_model_format: "ORT" } },
  });
  await session.release();
  return readFile(file);
}

/** @returns the model's answer to referencePicture(), one number for each label, rounded: `reference` of the manifest */
export async function referenceAnswer(
  model: Uint8Array,
  format: ModelFormat,
  manifest: Manifest,
): Promise<number[]> {
  const { input, output, labels } = manifest;
  const options = { format, weights: "packed", threads: 1, maxBatch: 1 } as const;
  const session = await InferenceSession.create(model, sessionOptions(options));
  try {
    const run = openRun(session, manifest);
    const answers = await run(referencePicture(run.pictureLength), [output.name]);
    const scores = answers.get(output.name);
    if (scores === undefined) throw new Error(`no output of ${input.name}`);
    return Array.from(scores.subarray(0, labels.length), (score) =>
      Number(score.toPrecision(referenceDigits)),
    );
  } finally {
    await session.release();
  }
}

/** Runs one picture: alone, or as the first of a batch of the size that the model requires. */
export interface PictureRun {
  /** @returns the requested values that are float32, by name */
  (picture: Float32Array, names: readonly string[]): Promise<Map<string, Float32Array>>;
  /** Numbers in one picture's tensor: `3 × crop × crop`. */
  pictureLength: number;
}

/** Prepares runs of one picture, which share one input tensor. */
export function openRun(session: InferenceSession, { input }: Manifest): PictureRun {
  const [, ...picture] = input.shape;
  const pictureLength = picture.reduce((a, b) => a * b, 1);
  const metadata = session.inputMetadata.find(({ name }) => name === input.name);
  const declared = metadata?.isTensor === true ? metadata.shape[0] : undefined;
  const batch = typeof declared === "number" && declared > 0 ? declared : 1;
  const pixels = new Float32Array(batch * pictureLength);
  const run = async (
    first: Float32Array,
    names: readonly string[],
  ): Promise<Map<string, Float32Array>> => {
    pixels.set(first);
    const tensor = new Tensor("float32", pixels, [batch, ...picture]);
    const results = await session.run({ [input.name]: tensor }, [...names]);
    return new Map(
      Object.entries(results).flatMap(([name, { data }]) =>
        data instanceof Float32Array ? [[name, data] as const] : [],
      ),
    );
  };
  return Object.assign(run, { pictureLength });
}
