import { elementTypes, fields, type GraphNode, type NodeSpec } from "../../src/onnx/graph.js";
import { Message, readFields } from "../../src/onnx/wire.js";
import { writeModel } from "../../src/onnx/write.js";
import { node } from "./tiny-network.js";

/** TensorProto.DataType */
export const bool = 9;
/** AttributeProto.AttributeType */
const graphAttribute = 5;

/** `Loop` with no limit of turns, which goes on while `condition` is true: nothing in it changes that. */
export function loop(condition: string): GraphNode {
  const body = graphMessage(
    [node("Identity", ["again_in"], "again_out"), node("Add", ["sum_in", "sum_in"], "sum_out")],
    [value("turn", elementTypes.int64), value("again_in", bool), value("sum_in", 1)],
    [value("again_out", bool), value("sum_out", 1)],
  );
  return graphNode("Loop", ["", condition, "start"], "last", { body });
}

/** A branch of `If`: its output is [N, 3]. */
export function subgraph(nodes: readonly (NodeSpec | GraphNode)[], output: string): Message {
  return graphMessage(nodes, [], [value(output, elementTypes.float, ["N", 3])]);
}

function graphMessage(
  nodes: readonly (NodeSpec | GraphNode)[],
  inputs: Message[],
  outputs: Message[],
): Message {
  const graph = new Message().text(fields.graph.name, "inner");
  // Nodes alone, as a model of their own writes them.
  const model = writeModel({ name: "", nodes, tensors: [], inputs: [], outputs: [] }, 13);
  for (const { number, content } of readFields(model)) {
    if (number !== fields.model.graph) continue;
    for (const field of readFields(content)) {
      if (field.number === fields.graph.node) graph.raw(field.encoded);
    }
  }
  for (const input of inputs) graph.message(fields.graph.input, input);
  for (const output of outputs) graph.message(fields.graph.output, output);
  return graph;
}

/** ValueInfoProto; a scalar unless `dims` are given. */
function value(name: string, type: number, dims: (number | string)[] = []): Message {
  const shape = new Message();
  for (const size of dims) {
    const { size: number, name: text } = fields.dimension;
    const dimension = new Message();
    if (typeof size === "number") dimension.number(number, size);
    else dimension.text(text, size);
    shape.message(fields.shape.dimension, dimension);
  }
  const tensorType = new Message()
    .number(fields.tensorType.elementType, type)
    .message(fields.tensorType.shape, shape);
  return new Message()
    .text(fields.value.name, name)
    .message(fields.value.type, new Message().message(fields.type.tensor, tensorType));
}

/** A node with graphs inside. */
export function graphNode(
  operator: string,
  inputs: string[],
  output: string,
  graphs: Readonly<Record<string, Message>>,
): GraphNode {
  const message = new Message();
  for (const input of inputs) message.text(fields.node.input, input);
  message.text(fields.node.output, output).text(fields.node.operator, operator);
  for (const [name, graph] of Object.entries(graphs)) {
    const attribute = new Message()
      .text(fields.attribute.name, name)
      .message(fields.attribute.graph, graph)
      .number(fields.attribute.type, graphAttribute);
    message.message(fields.node.attribute, attribute);
  }
  return {
    operator,
    domain: "",
    inputs,
    outputs: [output],
    attributes: new Map(),
    captured: [],
    encoded: message.encode(),
  };
}
