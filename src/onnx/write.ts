import {
  attributeTypes,
  elementTypes,
  fields,
  type AttributeValue,
  type GraphNode,
  type GraphTensor,
  type NodeSpec,
  type OnnxModel,
  type TensorSpec,
  type ValueSpec,
} from "./graph.js";
import { Message, readFields } from "./wire.js";

/** First IR version in which initialisers need not be inputs. */
const irWithoutInitialiserInputs = 4;

/** The changes that `rewriteModel` makes to a model. */
export interface Rewriting {
  /** All nodes, each after those whose values it reads. */
  nodes: readonly (NodeSpec | GraphNode)[];
  /** All initialisers. */
  tensors: Iterable<TensorSpec | GraphTensor>;
  /** Additional inputs. */
  moreInputs?: readonly ValueSpec[];
  /** Names of additional float outputs. */
  moreOutputs?: readonly string[];
  /** Additional operator sets: version by domain. */
  moreOpsets?: ReadonlyMap<string, number>;
}

/**
 * Encodes a model with other nodes and initialisers. All other fields are kept, unknown ones included. Initialisers that
 * are also inputs, as in IR version 3, are no longer inputs, and the IR version becomes at least 4.
 *
 * @returns the encoded model, in new memory
 */
export function rewriteModel(
  model: OnnxModel,
  { nodes, tensors, moreInputs = [], moreOutputs = [], moreOpsets = new Map() }: Rewriting,
): Uint8Array {
  const graph = new Message();
  for (const node of nodes) writeNode(graph, node);
  for (const tensor of tensors) writeTensor(graph, tensor);
  for (const { name, encoded } of model.inputs) if (!model.tensors.has(name)) graph.raw(encoded);
  for (const value of moreInputs) graph.message(fields.graph.input, valueMessage(value));
  for (const field of model.otherGraphFields) graph.raw(field);
  const type = elementTypes.float;
  for (const name of moreOutputs) graph.message(fields.graph.output, valueMessage({ name, type }));
  const message = new Message().number(
    fields.model.irVersion,
    Math.max(model.irVersion, irWithoutInitialiserInputs),
  );
  for (const field of model.otherModelFields) message.raw(field);
  for (const [domain, version] of moreOpsets) {
    message.message(fields.model.opset, opsetMessage(domain, version));
  }
  return message.message(fields.model.graph, graph).encode();
}

/**
 * Replaces a node's inputs.
 *
 * @param inputs names of values, in the operator's order
 * @returns a new node; all other fields are kept
 */
export function rewire(node: GraphNode, inputs: readonly string[]): GraphNode {
  const message = new Message();
  for (const input of inputs) message.text(fields.node.input, input);
  for (const { number, encoded } of readFields(node.encoded)) {
    if (number !== fields.node.input) message.raw(encoded);
  }
  return { ...node, inputs, encoded: message.encode() };
}

function opsetMessage(domain: string, version: number): Message {
  return new Message().text(fields.opset.domain, domain).number(fields.opset.version, version);
}

function writeNode(graph: Message, node: NodeSpec | GraphNode): void {
  if ("encoded" in node) graph.bytes(fields.graph.node, node.encoded);
  else graph.message(fields.graph.node, nodeMessage(node));
}

function nodeMessage({
  operator,
  domain = "",
  inputs,
  outputs,
  attributes = {},
}: NodeSpec): Message {
  const node = new Message();
  for (const input of inputs) node.text(fields.node.input, input);
  for (const output of outputs) node.text(fields.node.output, output);
  node.text(fields.node.operator, operator);
  for (const [name, value] of Object.entries(attributes)) {
    node.message(fields.node.attribute, attributeMessage(name, value));
  }
  return domain === "" ? node : node.text(fields.node.domain, domain);
}

function attributeMessage(name: string, value: AttributeValue): Message {
  const { attribute } = fields;
  const message = new Message().text(attribute.name, name);
  if ("int" in value) {
    return message.number(attribute.int, value.int).number(attribute.type, attributeTypes.int);
  }
  if ("float" in value) {
    return message.float(attribute.float, value.float).number(attribute.type, attributeTypes.float);
  }
  if ("text" in value) {
    return message.text(attribute.text, value.text).number(attribute.type, attributeTypes.text);
  }
  for (const int of value.ints) message.number(attribute.ints, int);
  return message.number(attribute.type, attributeTypes.ints);
}

function writeTensor(graph: Message, tensor: TensorSpec | GraphTensor): void {
  if ("encoded" in tensor) graph.bytes(fields.graph.tensor, tensor.encoded);
  else graph.message(fields.graph.tensor, tensorMessage(tensor));
}

function tensorMessage({ name, dims, type, data }: TensorSpec): Message {
  const message = new Message();
  for (const size of dims) message.number(fields.tensor.dims, size);
  return message
    .number(fields.tensor.type, type)
    .text(fields.tensor.name, name)
    .bytes(fields.tensor.data, data);
}

/** Encodes a ValueInfoProto, without a shape if `dims` is missing. */
function valueMessage({ name, type, dims }: Omit<ValueSpec, "dims"> & Partial<ValueSpec>): Message {
  const tensorType = new Message().number(fields.tensorType.elementType, type);
  if (dims !== undefined) tensorType.message(fields.tensorType.shape, shapeMessage(dims));
  return new Message()
    .text(fields.value.name, name)
    .message(fields.value.type, new Message().message(fields.type.tensor, tensorType));
}

function shapeMessage(dims: ValueSpec["dims"]): Message {
  const shape = new Message();
  for (const size of dims) {
    const dimension = new Message();
    if (typeof size === "number") dimension.number(fields.dimension.size, size);
    else dimension.text(fields.dimension.name, size);
    shape.message(fields.shape.dimension, dimension);
  }
  return shape;
}
