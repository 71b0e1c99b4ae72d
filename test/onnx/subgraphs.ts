import { elementTypes, fields, type GraphNode, type NodeSpec } from "../../src/onnx/graph.js";
import { Message, readFields } from "../../src/onnx/wire.js";
import { valueInfo, writeModel } from "../helpers/onnx-model.js";
import { node } from "../owners/optimize/tiny-network.js";

/** TensorProto.DataType */
export const bool = 9;
/** AttributeProto.AttributeType */
const graphAttribute = 5;
const { float } = elementTypes;

const scalar = (name: string, type: number): Message => valueInfo({ name, type, dims: [] });

/** A `Loop` without a limit of iterations, which never changes `condition`, and so never ends if it is true. */
export function loop(condition: string): GraphNode {
  const body = graphMessage(
    [node("Identity", ["again_in"], "again_out"), node("Add", ["sum_in", "sum_in"], "sum_out")],
    [scalar("turn", elementTypes.int64), scalar("again_in", bool), scalar("sum_in", float)],
    [scalar("again_out", bool), scalar("sum_out", float)],
  );
  return graphNode("Loop", ["", condition, "start"], "last", { body });
}

/** A branch of `If` whose output is [N, 3]. */
export function subgraph(nodes: readonly (NodeSpec | GraphNode)[], output: string): Message {
  return graphMessage(nodes, [], [valueInfo({ name: output, type: float, dims: ["N", 3] })]);
}

function graphMessage(
  nodes: readonly (NodeSpec | GraphNode)[],
  inputs: Message[],
  outputs: Message[],
): Message {
  const graph = new Message().text(fields.graph.name, "inner");
  // Encodes the nodes by writing a model of them.
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

/** A node with subgraphs as attributes. */
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
