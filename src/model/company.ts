import { describeCause, type RefusedError } from "../errors.js";
import { findFault } from "./faults.js";
import type { Manifest } from "./manifest.js";
import { modelInvalid } from "./model-invalid.js";
import { isOutOfMemory } from "./out-of-memory.js";
import { packPicture } from "./pack.js";
import { referencePicture } from "./reference-picture.js";
import { pictureLength, type Run } from "./run.js";

export interface CompanyOptions {
  run: Run;
  manifest: Manifest;
  /** Pictures that one run takes; undefined where any number will do. */
  fixedBatch: number | undefined;
  /** Pictures in one run at most. */
  maxBatch: number;
}

/**
 * How far a picture's answer in company may be from the one alone, as a share of the range of all answers. On AlexNet
 * and SqueezeNet, in 32 and in 8 bits, with 1 and 2 threads and batches up to 32, they were equal to the last bit
 * (AVX2). Kernels that add up in another order for other batches differ in float32's last digits.
 */
const rangeTolerance = 1e-3;
/** And as a share of the largest number among them. */
const magnitudeTolerance = 1e-5;
/** Sizes of the batches that are tried; from the last on every fourfold, and the largest that will be run. */
const firstSizes = [2, 3, 8];

/**
 * Has a model answer some pictures alone and in batches of several sizes, at different places, and compares.
 *
 * @returns why pictures cannot share a run; undefined where they can
 * @throws RefusedError MODEL_INVALID for a model that answers one picture differently each time
 */
export async function tryCompany(options: CompanyOptions): Promise<string | undefined> {
  const { run, manifest, fixedBatch, maxBatch } = options;
  const pictures = probes(manifest);
  const size = pictureLength(manifest);
  const width = manifest.labels.length;
  const answer = async (batch: readonly Float32Array[]): Promise<Float32Array[]> => {
    const count = fixedBatch ?? batch.length;
    const pixels = new Float32Array(count * size);
    batch.forEach((picture, index) => {
      pixels.set(picture, index * size);
    });
    const scores = await run(pixels, count);
    return batch.map((_, index) => scores.slice(index * width, (index + 1) * width));
  };
  const alone: Float32Array[] = [];
  for (const picture of pictures) {
    // One that the model fails on is not compared.
    const noAnswer = [new Float32Array(width).fill(NaN)];
    alone.push(...(await answer([picture]).catch(() => noAnswer)));
  }
  const comparison = new Comparison(alone, manifest);
  const again = await answer(pictures.slice(0, 1));
  if (again.some((scores) => comparison.difference(0, scores) > 1)) throw notRepeatable();
  for (const batchSize of sizes(fixedBatch, maxBatch)) {
    // Each time at another place and beside others.
    const places = Array.from({ length: batchSize }, (_, at) => (at + batchSize) % pictures.length);
    let together: Float32Array[];
    try {
      together = await answer(places.flatMap((at) => pictures[at] ?? []));
    } catch (error) {
      if (isOutOfMemory(error)) throw error;
      return `a batch of ${batchSize} fails: ${describeCause(error)}`;
    }
    const worst = Math.max(
      ...together.map((scores, index) => comparison.difference(places[index] ?? 0, scores)),
    );
    if (worst > 1) {
      return `in a batch of ${batchSize} the answer to a picture is not the one that it gets alone`;
    }
  }
  return undefined;
}

function sizes(fixedBatch: number | undefined, maxBatch: number): number[] {
  if (fixedBatch !== undefined) return fixedBatch === 1 ? [] : [fixedBatch];
  const all = firstSizes.filter((size) => size < maxBatch);
  for (let size = 32; size < maxBatch; size *= 4) all.push(size);
  return maxBatch === 1 ? [] : [...all, maxBatch];
}

/** Answers of pictures alone, which others are compared with. */
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

  /** @returns the largest difference from the answer alone, as a multiple of what is tolerated */
  difference(index: number, scores: Float32Array): number {
    const alone = this.#alone[index] ?? new Float32Array(0);
    const fault = findFault(scores, this.#type);
    const faultAlone = findFault(alone, this.#type);
    // A picture without an answer alone may have any in company: it is not given to anybody.
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

/** The reference picture, and as their bytes would be packed: black, white, stripes and noise. */
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
