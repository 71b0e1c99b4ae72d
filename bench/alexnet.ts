import { elementTypes, type NodeSpec, type TensorSpec } from "../src/onnx/graph.js";
import { writeModel } from "../test/helpers/onnx-model.js";

/** The convolutions of torchvision's AlexNet; a max pooling layer follows some of them. */
const convolutions = [
  { channels: 64, kernel: 11, stride: 4, padding: 2, pool: true },
  { channels: 192, kernel: 5, stride: 1, padding: 2, pool: true },
  { channels: 384, kernel: 3, stride: 1, padding: 1, pool: false },
  { channels: 256, kernel: 3, stride: 1, padding: 1, pool: false },
  { channels: 256, kernel: 3, stride: 1, padding: 1, pool: true },
];
const hiddenUnits = [4096, 4096];
const pooledSize = 6;
const inputSize = 224;

/** The model's manifest: torchvision's preprocessing, and labels without a meaning. */
export function alexNetManifest({ classes = 1000 } = {}): object {
  return {
    name: "alexnet-bench",
    version: "1",
    input: { name: "input", shape: ["batch", 3, inputSize, inputSize] },
    output: { name: "output", type: "logits" },
    labels: Array.from(
      { length: classes },
      (_, index) => `class ${String(index).padStart(3, "0")}`,
    ),
    preprocessing: {
      resize: 256,
      crop: inputSize,
      channels: "RGB",
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
  };
}

/**
 * Builds AlexNet in full size with random weights: the costs of running a model do not depend on its weights. With 1,000
 * classes it has 61.1 million parameters, as torchvision's `alexnet`.
 *
 * @returns ONNX, input `input` [N, 3, 224, 224], output `output` [N, classes]
 */
export function buildAlexNet({ classes = 1000, seed = 1 } = {}): Uint8Array {
  const random = even(seed);
  const nodes: NodeSpec[] = [];
  const tensors: TensorSpec[] = [];
  let value = "input";
  let channels = 3;
  const add = (
    operator: string,
    attributes: NodeSpec["attributes"] = {},
    weights: string[] = [],
  ): void => {
    const output = `${operator.toLowerCase()}_${nodes.length}`;
    nodes.push({ operator, inputs: [value, ...weights], outputs: [output], attributes });
    value = output;
  };
  const weigh = (dims: number[]): string[] => {
    const name = `layer_${nodes.length}`;
    const [outputs = 0, ...rest] = dims;
    const fanIn = rest.reduce((a, b) => a * b, 1);
    // The initialization of He et al. 2015: with rectifiers, signals neither vanish nor explode.
    tensors.push(
      floatTensor(`${name}.weight`, dims, Math.sqrt(2 / fanIn), random),
      floatTensor(`${name}.bias`, [outputs], 0.01, random),
    );
    return [`${name}.weight`, `${name}.bias`];
  };
  for (const { channels: outputs, kernel, stride, padding, pool } of convolutions) {
    add(
      "Conv",
      {
        kernel_shape: { ints: [kernel, kernel] },
        strides: { ints: [stride, stride] },
        pads: { ints: [padding, padding, padding, padding] },
      },
      weigh([outputs, channels, kernel, kernel]),
    );
    add("Relu");
    if (pool) add("MaxPool", { kernel_shape: { ints: [3, 3] }, strides: { ints: [2, 2] } });
    channels = outputs;
  }
  add("Flatten", { axis: { int: 1 } });
  let width = channels * pooledSize * pooledSize;
  for (const outputs of [...hiddenUnits, classes]) {
    add("Gemm", { transB: { int: 1 } }, weigh([outputs, width]));
    if (outputs !== classes) add("Relu");
    width = outputs;
  }
  const last = nodes.pop();
  if (last === undefined) throw new Error("a network without a layer");
  nodes.push({ ...last, outputs: ["output"] });
  const type = elementTypes.float;
  return writeModel(
    {
      name: "alexnet",
      nodes,
      tensors,
      inputs: [{ name: "input", type, dims: ["batch", 3, inputSize, inputSize] }],
      outputs: [{ name: "output", type, dims: ["batch", classes] }],
    },
    13,
  );
}

function floatTensor(
  name: string,
  dims: number[],
  deviation: number,
  random: () => number,
): TensorSpec {
  const values = new Float32Array(dims.reduce((a, b) => a * b, 1));
  for (let index = 0; index < values.length; index += 1) values[index] = random() * deviation;
  return { name, dims, type: elementTypes.float, data: new Uint8Array(values.buffer) };
}

// Looked up once: in Jest, access to a global is slow, and this is called 61 million times.
const { imul } = Math;
const root3 = Math.sqrt(3);

/** Uniform random numbers with mean 0 and standard deviation 1: a linear congruential generator (Knuth and Lewis). */
function even(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 31 - 1) * root3;
  };
}
