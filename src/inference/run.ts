import type { Manifest } from "../model/manifest.js";
import type { Runtime } from "./runtime.js";

/**
 * One run of the session.
 *
 * @param pixels `[batch, 3, crop, crop]`
 * @returns `[batch, labels]`
 * @throws Error where the run fails, or its output has another type or shape
 */
export type Run = (pixels: Float32Array, batch: number) => Promise<Float32Array>;

/**
 * Makes a function that runs a model and checks its output's type and shape.
 *
 * @param onRun called before each run
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

/** A run's output has another shape than the manifest says. */
export class OutputShapeError extends Error {
  readonly got: readonly number[];

  constructor(got: readonly number[], expected: readonly number[]) {
    super(`an output of shape [${got.join(", ")}] in place of [${expected.join(", ")}]`);
    this.got = got;
  }
}

/** Numbers in one picture's tensor: `3 × crop × crop`. */
export function pictureLength({ input }: Manifest): number {
  const [, ...picture] = input.shape;
  return picture.reduce((a, b) => a * b, 1);
}
