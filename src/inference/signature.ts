import type { Manifest } from "../model/manifest.js";
import { modelInvalid } from "./model-invalid.js";
import type { Runtime } from "./runtime.js";

/**
 * Compares the input and output that a model declares with its manifest.
 *
 * @param maxBatch `Inference.Limits.MaxBatch`, in pictures
 * @returns the batch size that the model requires; undefined if it accepts any
 * @throws RefusedError MODEL_INVALID
 */
export function checkSignature(
  runtime: Runtime,
  manifest: Manifest,
  maxBatch: number,
): number | undefined {
  const fixedBatch = checkInput(runtime, manifest);
  if (fixedBatch !== undefined && fixedBatch > maxBatch) {
    throw modelInvalid(
      `a batch of at most Inference.Limits.MaxBatch pictures (${maxBatch})`,
      `a model whose batch is fixed at ${fixedBatch}`,
      "Export the model with a batch of any size, or of 1",
    );
  }
  checkOutput(runtime, manifest);
  return fixedBatch;
}

function checkInput(runtime: Runtime, { input }: Manifest): number | undefined {
  const { shape } = tensorNamed("input", input.name, runtime.inputs);
  const [batch, ...picture] = shape;
  const [, ...expected] = input.shape;
  const fits =
    picture.length === expected.length &&
    picture.every((size, index) => typeof size === "string" || size === expected[index]);
  if (!fits) {
    throw modelInvalid(
      `an input of shape [N, ${expected.join(", ")}], as the manifest says`,
      describeShape(shape),
      "Use the manifest that belongs to this model",
    );
  }
  return typeof batch === "number" && batch > 0 ? batch : undefined;
}

function checkOutput(runtime: Runtime, { output, labels }: Manifest): void {
  const { shape } = tensorNamed("output", output.name, runtime.outputs);
  const width = shape[1];
  if (shape.length !== 2) {
    throw modelInvalid(
      "an output of shape [N, classes]",
      describeShape(shape),
      "Serve a model that classifies pictures",
    );
  }
  if (typeof width === "number" && width > 0) checkLabelCount(width, labels);
}

/**
 * Compares the number of the model's scores with the number of labels.
 *
 * @param width number of scores per picture
 * @throws RefusedError MODEL_INVALID
 */
export function checkLabelCount(width: number, labels: readonly string[]): void {
  if (width === labels.length) return;
  throw modelInvalid(
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
  all: Runtime["inputs"],
): TensorMetadata {
  const found = all.find((tensor) => tensor.name === name);
  if (found === undefined || !found.isTensor || found.type !== "float32") {
    const got = all.map((tensor) => JSON.stringify(tensor.name)).join(", ");
    throw modelInvalid(
      `a float32 ${kind} named ${JSON.stringify(name)}, as the manifest says`,
      found === undefined ? got : "another type",
      "Use the manifest that belongs to this model",
    );
  }
  if (kind === "input" && all.length > 1) {
    throw modelInvalid("one input", `${all.length} inputs`, "Serve a model with one input");
  }
  return found;
}

function describeShape(shape: readonly (number | string)[]): string {
  return `shape [${shape.join(", ")}]`;
}
