import {
  elementTypes,
  type GraphNode,
  type GraphTensor,
  type OnnxModel,
} from "../../src/onnx/graph.js";

/** Kinds of layers with weights. `linear`: fully connected (Gemm, MatMul). */
export type LayerKind = "linear" | "convolution";

/** A node that multiplies a value by constant weights, and can do so in 8 bits. */
export interface Layer {
  node: GraphNode;
  kind: LayerKind;
  /** The value that it reads. */
  input: string;
  weight: GraphTensor;
  /** One number for each output (channel) of the layer. */
  bias: GraphTensor | undefined;
  /** Index of the weight's dimension that counts the outputs. */
  axis: number;
}

const operatorKinds: ReadonlyMap<string, LayerKind> = new Map([
  ["Conv", "convolution"],
  ["Gemm", "linear"],
  ["MatMul", "linear"],
]);

/**
 * Reads a node as a layer.
 *
 * @returns undefined for other operators, and for layers that cannot run in 8 bits: their weights are not initialisers of
 *   the model, or they do more than multiply and add
 */
export function layerOf(node: GraphNode, { tensors }: OnnxModel): Layer | undefined {
  const kind = node.domain === "" ? operatorKinds.get(node.operator) : undefined;
  const [input = "", weightName = "", biasName = ""] = node.inputs;
  const weight = tensors.get(weightName);
  if (kind === undefined || tensors.has(input) || !isFloat(weight)) return undefined;
  const axis = axisOfOutputs(node, weight);
  if (axis === undefined) return undefined;
  if (biasName === "") return { node, kind, input, weight, bias: undefined, axis };
  const bias = tensors.get(biasName);
  if (!isFloat(bias) || !isOneForEach(bias, weight.dims[axis])) return undefined;
  return { node, kind, input, weight, bias, axis };
}

function axisOfOutputs(node: GraphNode, { dims }: GraphTensor): number | undefined {
  if (node.operator === "Conv") return dims.length >= 3 ? 0 : undefined;
  if (dims.length !== 2) return undefined;
  if (node.operator === "MatMul") return 1;
  const scales = ["alpha", "beta"].some((name) => {
    const value = node.attributes.get(name);
    return value !== undefined && !("float" in value && value.float === 1);
  });
  if (scales || isSet(node, "transA")) return undefined;
  return isSet(node, "transB") ? 0 : 1;
}

function isSet({ attributes }: GraphNode, name: string): boolean {
  const value = attributes.get(name);
  return value !== undefined && "int" in value && value.int !== 0;
}

/** Whether a tensor is an initialiser of float32 with all its data. ONNX Runtime refuses a damaged one. */
function isFloat(tensor: GraphTensor | undefined): tensor is GraphTensor {
  if (tensor?.type !== elementTypes.float) return false;
  const size = tensor.dims.reduce((a, b) => a * b, 1);
  return size > 0 && tensor.data.length === size * 4;
}

/** Whether the shape is `[outputs]`, or `[1, outputs]`, which broadcasts alike. */
function isOneForEach({ dims }: GraphTensor, outputs: number | undefined): boolean {
  return dims.at(-1) === outputs && (dims.length === 1 || (dims.length === 2 && dims[0] === 1));
}
