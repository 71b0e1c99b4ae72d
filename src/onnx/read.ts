import {
  fields,
  maxGraphDepth,
  NestingError,
  type AttributeValue,
  type GraphNode,
  type GraphTensor,
  type OnnxModel,
} from "./graph.js";
import { readFields, readPackedVarints, wireTypes, type Field } from "./wire.js";

/**
 * Parses an ONNX model. Tensors, and all `encoded` fields, are views of `bytes`.
 *
 * @throws RangeError for bytes that are not a Protocol Buffers message; NestingError
 */
export function readModel(bytes: Uint8Array): OnnxModel {
  const model: OnnxModel = {
    irVersion: 0,
    nodes: [],
    tensors: new Map(),
    inputs: [],
    outputs: [],
    opsets: new Map(),
    otherModelFields: [],
    otherGraphFields: [],
  };
  for (const field of readFields(bytes)) {
    if (field.number === fields.model.graph) readGraph(field.content, model);
    else if (field.number === fields.model.irVersion) model.irVersion = field.value;
    else {
      if (field.number === fields.model.opset) readOpset(field.content, model);
      model.otherModelFields.push(field.encoded);
    }
  }
  return model;
}

function readGraph(graph: Uint8Array, model: OnnxModel): void {
  for (const { number, content, encoded } of readFields(graph)) {
    if (number === fields.graph.node) model.nodes.push(readNode(content, 0));
    else if (number === fields.graph.tensor) {
      const tensor = readTensor(content);
      model.tensors.set(tensor.name, tensor);
    } else if (number === fields.graph.input) {
      model.inputs.push({ name: nameOf(content), encoded });
    } else {
      if (number === fields.graph.output) model.outputs.push(nameOf(content));
      model.otherGraphFields.push(encoded);
    }
  }
}

function readOpset(bytes: Uint8Array, { opsets }: OnnxModel): void {
  let domain = "";
  let version = 0;
  for (const field of readFields(bytes)) {
    if (field.number === fields.opset.domain) domain = textOf(field);
    if (field.number === fields.opset.version) version = field.value;
  }
  // "ai.onnx" is another name of the domain "".
  opsets.set(domain === "ai.onnx" ? "" : domain, version);
}

function readNode(encoded: Uint8Array, depth: number): GraphNode {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const captured: string[] = [];
  const attributes = new Map<string, AttributeValue>();
  let operator = "";
  let domain = "";
  for (const field of readFields(encoded)) {
    if (field.number === fields.node.input) inputs.push(textOf(field));
    else if (field.number === fields.node.output) outputs.push(textOf(field));
    else if (field.number === fields.node.operator) operator = textOf(field);
    else if (field.number === fields.node.domain) domain = textOf(field);
    else if (field.number === fields.node.attribute) {
      readAttribute(field.content, attributes, captured, depth);
    }
  }
  if (domain === "ai.onnx") domain = "";
  return { operator, domain, inputs, outputs, attributes, captured, encoded };
}

function readAttribute(
  bytes: Uint8Array,
  attributes: Map<string, AttributeValue>,
  captured: string[],
  depth: number,
): void {
  const { attribute } = fields;
  let name = "";
  let value: AttributeValue | undefined;
  const ints: number[] = [];
  for (const field of readFields(bytes)) {
    if (field.number === attribute.name) name = textOf(field);
    else if (field.number === attribute.int) value = { int: field.value };
    else if (field.number === attribute.float) value = { float: floatsOf(field.content)[0] ?? 0 };
    else if (field.number === attribute.text) value = { text: textOf(field) };
    else if (field.number === attribute.ints) ints.push(...numbersOf(field));
    else if (field.number === attribute.graph || field.number === attribute.graphs) {
      captured.push(...readNamesOfSubgraph(field.content, depth + 1));
    }
  }
  if (ints.length > 0) value = { ints };
  if (value !== undefined) attributes.set(name, value);
}

function readNamesOfSubgraph(graph: Uint8Array, depth: number): string[] {
  if (depth > maxGraphDepth) throw new NestingError();
  const names: string[] = [];
  for (const { number, content } of readFields(graph)) {
    if (number === fields.graph.output) names.push(nameOf(content));
    if (number !== fields.graph.node) continue;
    const { inputs, captured } = readNode(content, depth);
    names.push(...inputs, ...captured);
  }
  return names;
}

function readTensor(encoded: Uint8Array): GraphTensor {
  const dims: number[] = [];
  const floats: Uint8Array[] = [];
  let name = "";
  let type = 0;
  for (const field of readFields(encoded)) {
    if (field.number === fields.tensor.dims) dims.push(...numbersOf(field));
    else if (field.number === fields.tensor.type) type = field.value;
    else if (field.number === fields.tensor.name) name = textOf(field);
    // raw_data and float_data, packed or not, contain the same little-endian bytes.
    else if (field.number === fields.tensor.data || field.number === fields.tensor.floats) {
      floats.push(field.content);
    }
  }
  const [only = new Uint8Array(0)] = floats;
  return { name, dims, type, data: floats.length > 1 ? Buffer.concat(floats) : only, encoded };
}

function nameOf(value: Uint8Array): string {
  for (const field of readFields(value)) {
    if (field.number === fields.value.name) return textOf(field);
  }
  return "";
}

function textOf({ content }: Field): string {
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength).toString();
}

function numbersOf({ wireType, value, content }: Field): number[] {
  return wireType === wireTypes.length ? readPackedVarints(content) : [value];
}

/**
 * Copies the elements of a float tensor, whose bytes may be unaligned.
 *
 * @param data little-endian float32 values
 * @throws RangeError if the length is not a multiple of 4
 */
export function floatsOf(data: Uint8Array): Float32Array {
  if (data.length % 4 !== 0) throw new RangeError("floats cut short");
  return new Float32Array(new Uint8Array(data).buffer);
}
