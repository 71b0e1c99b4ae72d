import type { Manifest } from "../model/manifest.js";
import type { Runtime } from "./runtime.js";

/**
 * Runs the model once.
 *
 * @param pixels `[batch, 3, crop, crop]`, normalised
 * @returns `[batch, labels]` scores
 * @throws OutputShapeError for an output of another shape; Error if the run fails or the output is not float32
 */
export type Run = (pixels: Float32Array, batch: number) => Promise<Float32Array>;

/**
 * Creates a function that runs a model and checks its output's type and shape.
 *
 * @param onRun called before each run, which blocks this thread until it ends
 */
export function createRun(runtime: Runtime, manifest: Manifest, onRun: () => void): Run {
  const { input, output, labels } = manifest;
  const [, ...picture] = input.shape;
  return async (pixels, batch) => {
    onRun();
    const dims = [batch, ...picture];
    const { data, dims: got } = await runtime.run(input.name, pixels, dims, output.name);
    if (!(data instanceof Float32Array)) throw new Error("an output that is no float32 tensor");
    if (got.length !== 2 || got[0] !== batch || got[1] !== labels.length) {
      throw new OutputShapeError(got, [batch, labels.length]);
    }
    return data;
  };
}

/** A run's output does not have the shape that the manifest states. */
export class OutputShapeError extends Error {
  readonly got: readonly number[];

  constructor(got: readonly number[], expected: readonly number[]) {
    super(`an output of shape [${got.join(", ")}] in place of [${expected.join(", ")}]`);
    this.got = got;
  }
}

/** @returns number of values in one picture's tensor: `3 × crop × crop` */
export function pictureLength({ input }: Manifest): number {
  const [, ...picture] = input.shape;
  return picture.reduce((a, b) => a * b, 1);
}
