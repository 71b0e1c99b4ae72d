import { maxGraphDepth, NestingError } from "../onnx/graph.js";
import { readFields, wireTypes } from "../onnx/wire.js";

/**
 * Finds tensors of an ONNX model whose data is in other files (TensorProto.data_location = EXTERNAL,
 * or external_data given). ONNX Runtime would open any path that they name, `/image.key` among them,
 * and so hand a data owner's secret to the author of a model.
 *
 * The walk follows onnx.proto3's messages that can hold a tensor, by field number.
 */
type MessageName = keyof typeof messages;

const messages = {
  model: { 7: "graph", 20: "trainingInfo", 25: "function" },
  trainingInfo: { 1: "graph", 2: "graph" },
  graph: { 1: "node", 5: "tensor", 15: "sparseTensor" },
  function: { 7: "node", 11: "attribute" },
  node: { 5: "attribute" },
  attribute: {
    5: "tensor",
    6: "graph",
    10: "tensor",
    11: "graph",
    22: "sparseTensor",
    23: "sparseTensor",
  },
  sparseTensor: { 1: "tensor", 2: "tensor" },
  tensor: {},
} as const;

const tensorExternalDataField = 13;
const tensorDataLocationField = 14;
/** @throws RangeError for bytes that are no Protocol Buffers message; NestingError */
export function hasExternalData(model: Uint8Array): boolean {
  return visit("model", model, 0);
}

/** @param graphs around this message: only through one does a message hold another of its kind */
function visit(name: MessageName, bytes: Uint8Array, graphs: number): boolean {
  const depth = name === "graph" ? graphs + 1 : graphs;
  // The model's own is none of those inside each other.
  if (depth > maxGraphDepth + 1) throw new NestingError();
  const children: Readonly<Record<number, MessageName | undefined>> = messages[name];
  for (const { number, wireType, value, content } of readFields(bytes)) {
    if (wireType === wireTypes.length) {
      if (name === "tensor" && number === tensorExternalDataField) return true;
      const child = children[number];
      if (child !== undefined && visit(child, content, depth)) return true;
    } else if (name === "tensor" && number === tensorDataLocationField && value !== 0) return true;
  }
  return false;
}
