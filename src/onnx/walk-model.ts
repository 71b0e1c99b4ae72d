import { maxGraphDepth, NestingError } from "./graph.js";
import { readFields, wireTypes } from "./wire.js";

/** Name of a message in onnx.proto3. */
export type MessageName = keyof typeof messages;

/** The messages of onnx.proto3 that can contain a node or a tensor: for each, the message in a field, by field number. */
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

/**
 * Whether `matches` returns true for any message of an ONNX model, subgraphs and functions included. Only messages that
 * can contain a node or a tensor are visited.
 *
 * @param matches called with each message's name and bytes, until it returns true
 * @throws RangeError for bytes that are not a Protocol Buffers message; NestingError
 */
export function someMessage(
  model: Uint8Array,
  matches: (name: MessageName, bytes: Uint8Array) => boolean,
): boolean {
  return visit("model", model, 0, matches);
}

/** @param graphs number of graphs around this message; messages can only nest through graphs */
function visit(
  name: MessageName,
  bytes: Uint8Array,
  graphs: number,
  matches: (name: MessageName, bytes: Uint8Array) => boolean,
): boolean {
  const depth = name === "graph" ? graphs + 1 : graphs;
  // The main graph does not count as nested.
  if (depth > maxGraphDepth + 1) throw new NestingError();
  if (matches(name, bytes)) return true;
  const children: Readonly<Record<number, MessageName | undefined>> = messages[name];
  for (const { number, wireType, content } of readFields(bytes)) {
    const child = wireType === wireTypes.length ? children[number] : undefined;
    if (child !== undefined && visit(child, content, depth, matches)) return true;
  }
  return false;
}
