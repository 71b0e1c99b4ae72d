import type { GraphNode, OnnxModel } from "./graph.js";
import { layerOf, type Layer, type LayerKind } from "./layers.js";

/** What of a model becomes 8 bits. */
export interface Plan {
  layers: ReadonlyMap<GraphNode, Layer>;
  /** Values that become 8 bits, each with the value whose range it has. */
  values: ReadonlyMap<string, string>;
  /** Of these, the ones that everybody has to read as 8 bits, for the layer before to give out integers. */
  settled: ReadonlySet<string>;
}

/** What hands its first input's values on, so that both can have one scale. */
const passing = new Set([
  "MaxPool",
  "Flatten",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Transpose",
  "Dropout",
  "Identity",
]);
/** What a layer does at no cost by the range of its output. */
const rectifiers = new Set(["Relu", "Clip"]);

/**
 * Finds the layers that can run in 8 bits, and the values between them that can stay there.
 *
 * @param isUsable whether a value's range is known; a layer that reads another stays as it is
 */
export function planQuantization(
  model: OnnxModel,
  kinds: ReadonlySet<LayerKind>,
  isUsable: (value: string) => boolean = () => true,
): Plan {
  const readers = readersOf(model);
  const outputs = new Set(model.outputs);
  const layers = new Map<GraphNode, Layer>();
  const settled = new Set<string>();
  for (const node of model.nodes) {
    const layer = layerOf(node, model);
    if (layer === undefined || !kinds.has(layer.kind) || !isUsable(layer.input)) continue;
    if (layer.kind === "convolution") {
      // A convolution in integers gives integers, so what it gives must be allowed to be some.
      const result = resultOf(node, readers);
      if (result === undefined || outputs.has(result) || !isUsable(result)) continue;
      settled.add(result);
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
      if (!settled.has(value) && !isReadByLayer(value) && !(isPassedOn && isUsable(value)))
        continue;
      const source = isInteger && passing.has(node.operator) ? node.inputs[0] : undefined;
      values.set(value, (source === undefined ? undefined : values.get(source)) ?? value);
      if (isInteger) settled.add(value);
    }
  }
  return { layers, values, settled };
}

/** The nodes that read each value; a node with subgraphs also reads what these do. */
export function readersOf({ nodes }: OnnxModel): Map<string, GraphNode[]> {
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

/** The value that a layer gives, behind the rectifier where that is all that reads it. */
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
  return domain === "" && (passing.has(operator) || operator === "Concat");
}

/** Whether a node does nothing to its input's integers but to move them. */
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
