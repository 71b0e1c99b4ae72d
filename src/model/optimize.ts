import { availableParallelism } from "node:os";
import type { RefusedError } from "../errors.js";
import type { LayerKind } from "../onnx/layers.js";
import { quantize } from "../onnx/quantize.js";
import { RangeCollector } from "../onnx/ranges.js";
import { readModel } from "../onnx/read.js";
import type { Range } from "../onnx/scales.js";
import { rewriteModel } from "../onnx/write.js";
import type { Fault } from "./faults.js";
import type { Manifest } from "./manifest.js";
import { modelInvalid } from "./model-invalid.js";
import { calibrate } from "./optimize-calibrate.js";
import { convertToOrt, type ModelFormat } from "./optimize-convert.js";
import { createModelSession } from "./session.js";

export interface OptimizeOptions {
  format: ModelFormat;
  /** For other processors than those with this one's vectors, too. */
  isPortable: boolean;
  /** A folder of the caller's own, for its eyes only: weights lie there in between. */
  folder: string;
  eightBits?: EightBits;
}

export interface EightBits {
  kinds: ReadonlySet<LayerKind>;
  ranges: ReadonlyMap<string, Range>;
  /** Whether the processor multiplies signed weights without cutting sums off: VNNI. */
  isExact: boolean;
}

export interface OptimizedModel {
  bytes: Uint8Array;
  format: ModelFormat;
  /** Layers that run in 8 bits. */
  layers: number;
}

/**
 * @param model ONNX, as `createModelSession` has accepted it
 * @param pictures `[crop, crop, 3]` bytes each, such as the model will see
 * @returns what each value of the model was over these pictures
 */
export async function findRanges(
  model: Uint8Array,
  manifest: Manifest,
  pictures: readonly Uint8Array[],
  onProgress: (done: number, of: number) => void,
): Promise<Map<string, Range>> {
  const collector = new RangeCollector();
  await calibrate({ model: readModel(model), manifest, pictures, onProgress }, collector);
  return collector.ranges();
}

/**
 * Makes a model that answers alike, faster: in 8 bits where asked for, and with ONNX Runtime's
 * optimizations done beforehand where it is to be in that runtime's format.
 *
 * @param model ONNX, as `createModelSession` has accepted it
 * @throws Error where ONNX Runtime cannot
 */
export async function optimizeModel(
  model: Uint8Array,
  { format, isPortable, folder, eightBits }: OptimizeOptions,
): Promise<OptimizedModel> {
  let bytes = model;
  let layers = 0;
  if (eightBits !== undefined) {
    const { kinds, ranges, isExact } = eightBits;
    const weights = isExact && !isPortable ? "int8" : "uint8";
    const graph = readModel(model);
    const quantized = quantize(graph, { kinds, ranges, weights });
    bytes = rewriteModel(graph, quantized);
    layers = quantized.layers;
  }
  if (format === "ort") bytes = await convertToOrt(bytes, folder, isPortable);
  return { bytes, format, layers };
}

export interface Answers {
  /** Scores of all labels, for each picture. */
  scores: Float32Array[];
  /** For one picture alone, in the mean. */
  msPerPicture: number;
}

/**
 * Loads a model as a server does, and has it answer pictures one by one.
 *
 * @param pictures `[crop, crop, 3]` bytes each
 * @throws RefusedError MODEL_INVALID for a model that a server would refuse, or unlike its manifest
 */
export async function answerPictures(
  model: Uint8Array,
  format: ModelFormat,
  manifest: Manifest,
  pictures: readonly Uint8Array[],
  onProgress: (done: number, of: number) => void,
): Promise<Answers> {
  const threads = availableParallelism();
  // Both the model and the pictures are taken over.
  const session = await createModelSession(Uint8Array.from(model), manifest, {
    format,
    weights: "packed",
    threads,
    maxBatch: 1,
  });
  try {
    const scores: Float32Array[] = [];
    let tookMs = 0;
    for (const [index, picture] of pictures.entries()) {
      onProgress(index, pictures.length);
      const started = performance.now();
      const answer = await session.run([Uint8Array.from(picture)]);
      const fault = answer.faults.get(0);
      if (fault !== undefined) throw noAnswer(index, fault);
      scores.push(answer.scores);
      tookMs += performance.now() - started;
    }
    return { scores, msPerPicture: tookMs / pictures.length };
  } finally {
    await session.release();
  }
}

function noAnswer(index: number, fault: Fault): RefusedError {
  return modelInvalid(
    "an answer to each picture",
    `none to picture ${index + 1}: ${fault}`,
    "Check the model's weights",
  );
}
