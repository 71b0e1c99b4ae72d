import { InferenceSession, Tensor } from "onnxruntime-node";
import {
  elementTypes,
  type NodeSpec,
  type TensorSpec,
  type ValueSpec,
} from "../../../src/onnx/graph.js";
import type { LayerKind } from "../../../owners/optimize/layers.js";
import { quantize, valuesToCalibrate, type Quantized } from "../../../owners/optimize/quantize.js";
import { RangeCollector } from "../../../owners/optimize/ranges.js";
import { readModel } from "../../../src/onnx/read.js";
import { rewriteModel } from "../../../src/onnx/write.js";
import { writeModel } from "../../helpers/onnx-model.js";

export interface TinyNetwork {
  nodes: NodeSpec[];
  tensors: TensorSpec[];
  input: readonly (number | string)[];
  /** Default: "input". */
  inputName?: string;
  /** Default: one named "output". */
  outputs?: ValueSpec[];
  opset?: number;
}

export function tinyNetwork({
  nodes,
  tensors,
  input,
  inputName = "input",
  outputs,
  opset = 13,
}: TinyNetwork): Uint8Array {
  const type = elementTypes.float;
  return writeModel(
    {
      name: "tiny",
      nodes,
      tensors,
      inputs: [{ name: inputName, type, dims: input }],
      outputs: outputs ?? [{ name: "output", type, dims: ["n", "any"] }],
    },
    opset,
  );
}

/** Pseudorandom numbers from -1 to 1, always the same for a seed. */
export function noise(length: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export function floatTensor(name: string, dims: number[], scale = 1): TensorSpec {
  const length = dims.reduce((a, b) => a * b, 1);
  const values = noise(length, name.length + length).map((value) => value * scale);
  return { name, dims, type: elementTypes.float, data: bytesOf(values) };
}

/** A node with one output. */
export function node(
  operator: string,
  inputs: string[],
  output: string,
  attributes: NodeSpec["attributes"] = {},
): NodeSpec {
  return { operator, inputs, outputs: [output], attributes };
}

export function bytesOf(values: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export type Values = ReadonlyMap<string, Float32Array>;

/** Runs a model in ONNX Runtime. @returns all its outputs that are floats */
export async function run(
  model: Uint8Array,
  input: Float32Array,
  dims: readonly number[],
): Promise<Values> {
  const session = await InferenceSession.create(model, { logSeverityLevel: 3 });
  try {
    const results = await session.run({ input: new Tensor("float32", input, [...dims]) });
    return new Map(
      Object.entries(results).flatMap(([name, { data }]) =>
        data instanceof Float32Array ? [[name, data] as const] : [],
      ),
    );
  } finally {
    await session.release();
  }
}

export interface QuantizedNetwork extends Pick<Quantized, "layers"> {
  bytes: Uint8Array;
}

/** Quantises a model to 8 bits, calibrated with one input. */
export async function quantizeNetwork(
  model: Uint8Array,
  input: Float32Array,
  dims: readonly number[],
  { kinds = ["linear", "convolution"], weights = "int8" }: QuantizeChoice = {},
): Promise<QuantizedNetwork> {
  const graph = readModel(model);
  const names = valuesToCalibrate(graph);
  const known = ["input", ...graph.outputs];
  const { nodes, tensors } = graph;
  const moreOutputs = names.filter((name) => !known.includes(name));
  const observed = rewriteModel(graph, { nodes, tensors: tensors.values(), moreOutputs });
  const collector = new RangeCollector();
  collector.add("input", input);
  for (const [name, value] of await run(observed, input, dims)) collector.add(name, value);
  const ranges = collector.ranges();
  const quantized = quantize(graph, { kinds: new Set(kinds), ranges, weights });
  return { bytes: rewriteModel(graph, quantized), layers: quantized.layers };
}

export interface QuantizeChoice {
  kinds?: LayerKind[];
  weights?: "int8" | "uint8";
}

/** The operators of a model after ONNX Runtime's optimizations. */
export async function operatorsRun(model: Uint8Array, file: string): Promise<string[]> {
  const { readFile } = await import("node:fs/promises");
  const session = await InferenceSession.create(model, {
    logSeverityLevel: 3,
    graphOptimizationLevel: "extended",
    optimizedModelFilePath: file,
  });
  await session.release();
  return readModel(await readFile(file)).nodes.map(({ operator }) => operator);
}
