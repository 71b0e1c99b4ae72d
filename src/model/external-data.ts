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
const maxDepth = 64;

/** @throws RangeError for bytes that are no Protocol Buffers message */
export function hasExternalData(model: Uint8Array): boolean {
  return visit("model", model, 0);
}

function visit(name: MessageName, bytes: Uint8Array, depth: number): boolean {
  if (depth > maxDepth) throw new RangeError("messages nested too deeply");
  const children: Readonly<Record<number, MessageName | undefined>> = messages[name];
  for (const { number, wireType, value, content } of readFields(bytes)) {
    if (wireType === wireTypes.length) {
      if (name === "tensor" && number === tensorExternalDataField) return true;
      const child = children[number];
      if (child !== undefined && visit(child, content, depth + 1)) return true;
    } else if (name === "tensor" && number === tensorDataLocationField && value !== 0) return true;
  }
  return false;
}
