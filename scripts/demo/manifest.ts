import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parse } from "node:path";
import { InferenceSession } from "onnxruntime-node";

/**
 * Makes a manifest for a model without one: torchvision's ImageNet preprocessing, logits as output, and one label for each
 * line of a file. The server checks whether the number of labels fits the model.
 *
 * @param modelFile ONNX
 * @throws Error for a model that does not have exactly one input, a tensor, and an output
 */
export async function manifestFromLabels(modelFile: string, labelsFile: string): Promise<object> {
  const labels = (await readFile(labelsFile, "utf8"))
    .split(/\r?\n/u)
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const model = await readFile(modelFile);
  const session = await InferenceSession.create(model);
  const [input, ...otherInputs] = session.inputMetadata;
  const [output] = session.outputMetadata;
  await session.release();
  if (input?.isTensor !== true || output === undefined || otherInputs.length > 0) {
    throw new Error(`${modelFile}: expected one input, a tensor of pictures, and an output`);
  }
  const size = input.shape[2];
  const crop = typeof size === "number" && size > 0 ? size : 224;
  return {
    name:
      parse(modelFile)
        .name.replace(/[^0-9A-Za-z._-]/gu, "-")
        .replace(/^[._-]+/u, "") || "model",
    version: createHash("sha256").update(model).digest("hex").slice(0, 12),
    input: { name: input.name, shape: [input.shape[0] ?? "N", 3, crop, crop] },
    output: { name: output.name, type: "logits" },
    labels,
    preprocessing: {
      // torchvision's presets resize to 256 for a crop of 224.
      resize: Math.round((crop * 256) / 224),
      crop,
      channels: "RGB",
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
  };
}
