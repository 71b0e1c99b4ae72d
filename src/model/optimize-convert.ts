import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Manifest } from "./manifest.js";
import { referencePicture } from "./reference-picture.js";
import { sessionOptions } from "./session-options.js";

export type ModelFormat = "onnx" | "ort";

/** Digits of a reference answer: as many as a float32 has. */
const referenceDigits = 7;

/**
 * Has ONNX Runtime optimize a model as it would when loading it, and write the result in its own format.
 *
 * @param folder where it writes: it only knows paths. Nobody else's to read, since weights lie there
 * @param isPortable without layouts of this processor's vectors: blocks of 16 numbers with AVX-512, else of 8
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

/** What a model answers to the picture that a server tries it with: its output, a number for each label. */
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

/** Runs one picture, alone or first in the batch that the model asks for. */
export interface PictureRun {
  /** @returns the values of these names that are float32 */
  (picture: Float32Array, names: readonly string[]): Promise<Map<string, Float32Array>>;
  /** `3 × crop × crop` */
  pictureLength: number;
}

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
