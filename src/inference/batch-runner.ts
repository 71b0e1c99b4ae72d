import type { Picture } from "./classifier.js";
import { findFault, type Fault } from "./faults.js";
import type { Manifest } from "../model/manifest.js";
import { isOutOfMemory } from "../model/out-of-memory.js";
import { packPicture } from "../image/pack.js";
import { pictureLength, type Run } from "./run.js";

/** A model's scores for several pictures. */
export interface BatchScores {
  /** `[pictures, labels]`; zeros for the pictures in `faults`. */
  scores: Float32Array<ArrayBuffer>;
  /** Why a picture has no answer, by its index in the batch. */
  faults: ReadonlyMap<number, Fault>;
}

/** What a `BatchRunner` needs. */
export interface BatchRunnerOptions {
  run: Run;
  manifest: Manifest;
  /** Batch size that the model requires; undefined if it accepts any. */
  fixedBatch: number | undefined;
  /** Most pictures in one call. */
  maxBatch: number;
}

/**
 * Runs pictures in a batch. If the run fails, or one of the answers is invalid, each picture is run again alone, so that
 * one picture cannot spoil the answers to the others.
 */
export class BatchRunner {
  readonly #options: BatchRunnerOptions;
  readonly #size: number;
  /** The input tensor's memory, which all batches share. Pictures are packed directly into it. */
  readonly #tensor: Float32Array;

  constructor(options: BatchRunnerOptions) {
    this.#options = options;
    this.#size = pictureLength(options.manifest);
    this.#tensor = new Float32Array((options.fixedBatch ?? options.maxBatch) * this.#size);
  }

  /**
   * Runs pictures. A failed run is reported in `faults`, not thrown.
   *
   * @param pictures at most `maxBatch`, each with `3 × crop × crop` values
   * @throws RangeError for more than `maxBatch` pictures, or a picture of another size
   */
  async run(pictures: readonly Picture[]): Promise<BatchScores> {
    const { maxBatch } = this.#options;
    if (pictures.length > maxBatch) {
      throw new RangeError(`${pictures.length} pictures for a batch of at most ${maxBatch}`);
    }
    // The tensor still holds the previous batch: a shorter picture would be completed with values of another picture.
    const isWhole = (picture: Picture): boolean => picture.length === this.#size;
    if (!pictures.every(isWhole)) throw new RangeError(`a picture without ${this.#size} values`);
    const together = await this.#attempt(pictures);
    if (together.faults.size === 0 || pictures.length === 1) return together;
    const width = this.#options.manifest.labels.length;
    const scores = new Float32Array(pictures.length * width);
    const faults = new Map<number, Fault>();
    for (const [index, picture] of pictures.entries()) {
      const alone = await this.#attempt([picture]);
      const fault = alone.faults.get(0);
      if (fault === undefined) scores.set(alone.scores, index * width);
      else faults.set(index, fault);
    }
    return { scores, faults };
  }

  async #attempt(pictures: readonly Picture[]): Promise<BatchScores> {
    const { run, manifest, fixedBatch } = this.#options;
    const { labels, output, preprocessing } = manifest;
    const batch = fixedBatch ?? pictures.length;
    const pixels = this.#tensor.subarray(0, batch * this.#size);
    pictures.forEach((picture, index) => {
      const offset = index * this.#size;
      if (picture instanceof Float32Array) pixels.set(picture, offset);
      else packPicture(picture, preprocessing, pixels, offset);
    });
    // Clears the rest of a fixed batch: it must not contain earlier pictures.
    pixels.fill(0, pictures.length * this.#size);
    const scores = new Float32Array(pictures.length * labels.length);
    const faults = new Map<number, Fault>();
    let all: Float32Array;
    try {
      all = await run(pixels, batch);
    } catch (error) {
      const fault = isOutOfMemory(error) ? "out of memory" : "the run failed";
      pictures.forEach((_, index) => faults.set(index, fault));
      return { scores, faults };
    }
    pictures.forEach((_, index) => {
      const row = all.subarray(index * labels.length, (index + 1) * labels.length);
      const fault = findFault(row, output.type);
      if (fault === undefined) scores.set(row, index * labels.length);
      else faults.set(index, fault);
    });
    return { scores, faults };
  }
}
