import { availableParallelism } from "node:os";
import type { RefusedError } from "../../src/errors.js";
import type { LayerKind } from "./layers.js";
import { quantize } from "./quantize.js";
import { RangeCollector } from "./ranges.js";
import { readModel } from "../../src/onnx/read.js";
import type { Range } from "./scales.js";
import { rewriteModel } from "../../src/onnx/write.js";
import type { Fault } from "../../src/inference/faults.js";
import type { Manifest } from "../../src/model/manifest.js";
import { modelInvalid } from "../../src/inference/model-invalid.js";
import { calibrate } from "./calibrate.js";
import { convertToOrt, type ModelFormat } from "./convert.js";
import { createModelSession } from "../../src/inference/session.js";

export interface OptimizeOptions {
  format: ModelFormat;
  /** The model must also run on processors with other vector instructions than this one. */
  isPortable: boolean;
  /** A folder that only the caller can read; weights are stored there temporarily. */
  folder: string;
  eightBits?: EightBits;
}

/** How to quantise a model to 8 bits. */
export interface EightBits {
  /** Layers to quantise. */
  kinds: ReadonlySet<LayerKind>;
  /** Result of `findRanges`. */
  ranges: ReadonlyMap<string, Range>;
  /** Whether the processor sums products with signed weights without saturation (VNNI). */
  isExact: boolean;
}

export interface OptimizedModel {
  bytes: Uint8Array;
  format: ModelFormat;
  /** Number of layers that run in 8 bits. */
  layers: number;
}

/**
 * Runs a model on calibration pictures.
 *
 * @param model ONNX; `createModelSession` must have accepted it
 * @param pictures `[crop, crop, 3]` bytes each, similar to those that the model will classify
 * @returns minimum and maximum of each value over these pictures
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
 * Makes a faster model with nearly the same answers: in 8 bits if requested, and with ONNX Runtime's optimizations
 * already applied if the format is ORT.
 *
 * @param model ONNX; `createModelSession` must have accepted it
 * @throws Error if ONNX Runtime fails
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

/** A model's answers to several pictures. */
export interface Answers {
  /** Scores of all labels, for each picture. */
  scores: Float32Array[];
  /** Mean time of a run with one picture, in milliseconds. */
  msPerPicture: number;
}

/**
 * Loads a model as a server does, and runs pictures one by one.
 *
 * @param pictures `[crop, crop, 3]` bytes each
 * @throws RefusedError MODEL_INVALID for a model that a server would refuse, or that does not answer a picture
 */
export async function answerPictures(
  model: Uint8Array,
  format: ModelFormat,
  manifest: Manifest,
  pictures: readonly Uint8Array[],
  onProgress: (done: number, of: number) => void,
): Promise<Answers> {
  const threads = availableParallelism();
  // The session takes over the model and the pictures, so it gets copies.
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
