import type { GraphNode, OnnxModel } from "../../src/onnx/graph.js";
import { layerOf, type Layer, type LayerKind } from "./layers.js";

/** The parts of a model that are quantised to 8 bits. */
export interface Plan {
  layers: ReadonlyMap<GraphNode, Layer>;
  /** Values that are quantised, each with the value whose range it uses. */
  values: ReadonlyMap<string, string>;
  /** Those of them that all readers must read quantised, so that the layer before can output integers. */
  integerOnly: ReadonlySet<string>;
}

/** Operators that only move the values of their first input, so that input and output can have the same scale. */
const movingOperators = new Set([
  "MaxPool",
  "Flatten",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
  "Dropout",
  "Identity",
]);
/** Operators that a quantised layer includes at no cost, through the range of its output. */
const rectifiers = new Set(["Relu", "Clip"]);

/**
 * Finds the layers that can run in 8 bits, and the values between them that can stay in 8 bits.
 *
 * @param kinds which layers to quantise
 * @param isUsable whether a value's range is known; layers that read other values stay as they are
 */
export function planQuantization(
  model: OnnxModel,
  kinds: ReadonlySet<LayerKind>,
  isUsable: (value: string) => boolean = () => true,
): Plan {
  const readers = readersOf(model);
  const outputs = new Set(model.outputs);
  const layers = new Map<GraphNode, Layer>();
  const integerOnly = new Set<string>();
  for (const node of model.nodes) {
    const layer = layerOf(node, model);
    if (layer === undefined || !kinds.has(layer.kind) || !isUsable(layer.input)) continue;
    if (layer.kind === "convolution") {
      // An integer convolution outputs integers, so its result must be quantised, too.
      const result = resultOf(node, readers);
      if (result === undefined || outputs.has(result) || !isUsable(result)) continue;
      integerOnly.add(result);
    }
    layers.set(node, layer);
  }
  const values = new Map<string, string>();
  const isReadByLayer = (value: string): boolean =>
    (readers.get(value) ?? []).some((node) => layers.get(node)?.input === value);
  for (const { name } of model.inputs) if (isReadByLayer(name)) values.set(name, name);
  for (const node of model.nodes) {
    const isInteger = keepsIntegers(node, model, values);
    for (const value of node.outputs) {
      const isPassedOn =
        isInteger && (readers.get(value) ?? []).some((reader) => canKeepIntegers(reader));
      if (!integerOnly.has(value) && !isReadByLayer(value) && !(isPassedOn && isUsable(value)))
        continue;
      const source = isInteger && movingOperators.has(node.operator) ? node.inputs[0] : undefined;
      values.set(value, (source === undefined ? undefined : values.get(source)) ?? value);
      if (isInteger) integerOnly.add(value);
    }
  }
  return { layers, values, integerOnly };
}

/** Nodes by the value that they read. A node with subgraphs also reads what these read. */
function readersOf({ nodes }: OnnxModel): Map<string, GraphNode[]> {
  const readers = new Map<string, GraphNode[]>();
  for (const node of nodes) {
    for (const name of new Set([...node.inputs, ...node.captured])) {
      const others = readers.get(name);
      if (others === undefined) readers.set(name, [node]);
      else others.push(node);
    }
  }
  return readers;
}

/** A layer's output value; the rectifier's output if a rectifier is the only reader. */
function resultOf(
  { outputs: [output] }: GraphNode,
  readers: ReadonlyMap<string, GraphNode[]>,
): string | undefined {
  if (output === undefined) return undefined;
  const [reader, ...others] = readers.get(output) ?? [];
  const isRectified =
    reader?.domain === "" && rectifiers.has(reader.operator) && reader.inputs[0] === output;
  return isRectified && others.length === 0 ? reader.outputs[0] : output;
}

function canKeepIntegers({ domain, operator }: GraphNode): boolean {
  return domain === "" && (movingOperators.has(operator) || operator === "Concat");
}

/** Whether a node with quantised inputs can pass the integers on without computing with them. */
export function keepsIntegers(
  node: GraphNode,
  { tensors }: OnnxModel,
  values: ReadonlyMap<string, string>,
): boolean {
  if (!canKeepIntegers(node)) return false;
  const [first = ""] = node.inputs;
  if (node.operator === "Concat") return node.inputs.every((name) => values.has(name));
  return (
    values.has(first) && node.inputs.slice(1).every((name) => name === "" || tensors.has(name))
  );
}
