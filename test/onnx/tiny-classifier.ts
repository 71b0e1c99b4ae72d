import type { NodeSpec, TensorSpec } from "../../src/onnx/graph.js";
import type { Manifest } from "../../src/model/manifest.js";
import { bytesOf, floatTensor, noise, tinyNetwork } from "../owners/optimize/tiny-network.js";

export const tinyManifest: Manifest = {
  name: "tiny",
  version: "1",
  input: { name: "input", shape: ["n", 3, 16, 16] },
  output: { name: "output", type: "logits" },
  labels: ["a", "b", "c", "d", "e", "f", "g", "h"],
  preprocessing: {
    resize: 16,
    crop: 16,
    channels: "RGB",
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  },
};

/** Which layer's result for grey pictures depends on bits of its weights that 8 bits do not have. */
export type Fragile = "none" | "convolution" | "linear";

/** A classifier of pictures of 16 × 16: a convolution with a rectifier, and a fully connected layer. */
export function tinyClassifier(fragile: Fragile): Uint8Array {
  const labels = tinyManifest.labels.length;
  const nodes: NodeSpec[] = [
    {
      operator: "Conv",
      inputs: ["input", "w", "b"],
      outputs: ["x"],
      attributes: { kernel_shape: { ints: [4, 4] }, strides: { ints: [4, 4] } },
    },
    { operator: "Relu", inputs: ["x"], outputs: ["y"] },
    { operator: "Flatten", inputs: ["y"], outputs: ["z"] },
    { operator: "Gemm", inputs: ["z", "v"], outputs: ["output"] },
  ];
  const convolution = floatTensor("w", [8, 3, 4, 4], 0.3);
  const tensors = [
    fragile === "convolution" ? cancelling(convolution) : convolution,
    floatTensor("b", [8], 0.1),
    fragile === "linear"
      ? lopsided(floatTensor("v", [128, labels], 0.3))
      : floatTensor("v", [128, labels], 0.3),
  ];
  return tinyNetwork({ nodes, tensors, input: ["n", 3, 16, 16] });
}

/** Weights whose differences are smaller than a step of 8 bits. */
function lopsided({ data, ...tensor }: TensorSpec): TensorSpec {
  const values = noise(data.length / 4, 9).map((value) => 1000 + value);
  return { ...tensor, data: bytesOf(values) };
}

/** Weights with which red and green of a grey picture cancel out; those of blue are smaller than a step of 8 bits. */
function cancelling({ data, ...tensor }: TensorSpec): TensorSpec {
  const values = noise(data.length / 4, 9).map((value, index) => {
    const channel = Math.floor(index / 16) % 3;
    return channel === 2 ? value : 1000 - 2000 * channel;
  });
  return { ...tensor, data: bytesOf(values) };
}
