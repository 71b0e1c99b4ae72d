import { describeCause, type RefusedError } from "../errors.js";
import { findFault } from "./faults.js";
import type { Manifest } from "../model/manifest.js";
import { modelInvalid } from "./model-invalid.js";
import { isOutOfMemory } from "../model/out-of-memory.js";
import { packPicture } from "../image/pack.js";
import { referencePicture } from "./reference-picture.js";
import { pictureLength, type Run } from "./run.js";

/** What `checkBatchConsistency` needs. */
export interface BatchConsistencyOptions {
  run: Run;
  manifest: Manifest;
  /** Batch size that the model requires; undefined if it accepts any. */
  fixedBatch: number | undefined;
  /** Largest number of pictures in one run. */
  maxBatch: number;
}

/**
 * How far the answer to a picture in a batch may differ from its answer alone, relative to the range of all answers. With
 * AlexNet and SqueezeNet, in 32 and in 8 bits, with 1 and 2 threads and batches up to 32, they were equal to the last bit
 * (AVX2). Kernels that sum in another order for other batch sizes differ in float32's last digits.
 */
const rangeTolerance = 1e-3;
/** Second part of the tolerance, relative to the largest magnitude among the answers. The two parts are added. */
const magnitudeTolerance = 1e-5;
/** Batch sizes that are tried first. After them come 32, 128, 512 and so on below the largest batch, and the largest. */
const firstSizes = [2, 3, 8];

/**
 * Checks that a model's answer to a picture does not depend on the batch. The model answers probe pictures alone, then in
 * batches of several sizes, at different positions.
 *
 * @returns why pictures cannot share a run, for the log; undefined if they can
 * @throws RefusedError MODEL_INVALID for a model that answers the same picture differently each time; the run's error
 *   if a batch lacks memory
 */
export async function checkBatchConsistency(
  options: BatchConsistencyOptions,
): Promise<string | undefined> {
  const { manifest, fixedBatch, maxBatch } = options;
  const pictures = probes(manifest);
  const alone: Float32Array[] = [];
  for (const picture of pictures) {
    // A picture that the model fails on is not compared.
    const noAnswer = [new Float32Array(manifest.labels.length).fill(NaN)];
    alone.push(...(await answer([picture], options).catch(() => noAnswer)));
  }
  const comparison = new Comparison(alone, manifest);
  const again = await answer(pictures.slice(0, 1), options);
  if (again.some((scores) => comparison.difference(0, scores) > 1)) throw notRepeatable();
  for (const batchSize of sizes(fixedBatch, maxBatch)) {
    const problem = await tryBatch(batchSize, pictures, comparison, options);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** @returns what is wrong with the answers in a batch of this size; undefined if nothing is */
async function tryBatch(
  batchSize: number,
  pictures: readonly Float32Array[],
  comparison: Comparison,
  options: BatchConsistencyOptions,
): Promise<string | undefined> {
  // The offset gives each picture another position in each batch size.
  const places = Array.from({ length: batchSize }, (_, at) => (at + batchSize) % pictures.length);
  let together: Float32Array[];
  try {
    together = await answer(
      places.flatMap((at) => pictures[at] ?? []),
      options,
    );
  } catch (error) {
    if (isOutOfMemory(error)) throw error;
    return `a batch of ${batchSize} fails: ${describeCause(error)}`;
  }
  const worst = Math.max(
    ...together.map((scores, index) => comparison.difference(places[index] ?? 0, scores)),
  );
  if (worst <= 1) return undefined;
  return `in a batch of ${batchSize} the answer to a picture is not the one that it gets alone`;
}

/** @returns the scores of each picture of one run: `[labels]` numbers per picture */
async function answer(
  pictures: readonly Float32Array[],
  { run, manifest, fixedBatch }: BatchConsistencyOptions,
): Promise<Float32Array[]> {
  const size = pictureLength(manifest);
  const width = manifest.labels.length;
  const count = fixedBatch ?? pictures.length;
  const pixels = new Float32Array(count * size);
  pictures.forEach((picture, index) => {
    pixels.set(picture, index * size);
  });
  const scores = await run(pixels, count);
  return pictures.map((_, index) => scores.slice(index * width, (index + 1) * width));
}

function sizes(fixedBatch: number | undefined, maxBatch: number): number[] {
  if (fixedBatch !== undefined) return fixedBatch === 1 ? [] : [fixedBatch];
  const all = firstSizes.filter((size) => size < maxBatch);
  for (let size = 32; size < maxBatch; size *= 4) all.push(size);
  return maxBatch === 1 ? [] : [...all, maxBatch];
}

/** Compares answers with those of the same pictures alone. */
class Comparison {
  readonly #alone: readonly Float32Array[];
  readonly #type: Manifest["output"]["type"];
  readonly #tolerance: number;

  constructor(alone: readonly Float32Array[], { output }: Manifest) {
    this.#alone = alone;
    this.#type = output.type;
    let [lowest, highest] = [Infinity, -Infinity];
    for (const scores of alone.filter((one) => findFault(one, output.type) === undefined)) {
      for (const score of scores) {
        lowest = Math.min(lowest, score);
        highest = Math.max(highest, score);
      }
    }
    const magnitude = Math.max(Math.abs(lowest), Math.abs(highest));
    this.#tolerance = (highest - lowest) * rangeTolerance + magnitude * magnitudeTolerance;
  }

  /** @returns 0 if the answer is within the tolerance; otherwise the largest difference in multiples of it */
  difference(index: number, scores: Float32Array): number {
    const alone = this.#alone[index] ?? new Float32Array(0);
    const fault = findFault(scores, this.#type);
    const faultAlone = findFault(alone, this.#type);
    // Without an answer alone there is nothing to compare with.
    if (faultAlone !== undefined) return 0;
    if (fault !== undefined) return Infinity;
    let largest = 0;
    alone.forEach((score, at) => {
      largest = Math.max(largest, Math.abs(score - (scores[at] ?? NaN)));
    });
    return largest <= this.#tolerance ? 0 : largest / this.#tolerance;
  }
}

function notRepeatable(): RefusedError {
  return modelInvalid(
    "the same answer to the same picture each time",
    "different ones",
    "Take what is random out of the model (dropout, random numbers)",
  );
}

/** Probe pictures: the reference picture, and black, white, stripes and noise as packed bytes. */
function probes(manifest: Manifest): Float32Array[] {
  const size = pictureLength(manifest);
  const noise = referencePicture(size);
  const bytes: ((at: number) => number)[] = [
    () => 0,
    () => 255,
    (at) => (at % 2) * 255,
    (at) => ((noise[at] ?? 0) + 2) * 63.75,
  ];
  return [
    noise,
    ...bytes.map((byteAt) => {
      const packed = new Float32Array(size);
      const picture = Uint8Array.from({ length: size }, (_, at) => byteAt(at));
      packPicture(picture, manifest.preprocessing, packed, 0);
      return packed;
    }),
  ];
}
