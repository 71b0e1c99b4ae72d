/**
 * A model as a graph, and what of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3)
 * is read or written here.
 */

/** TensorProto.DataType */
export const elementTypes = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
export type ElementType = (typeof elementTypes)[keyof typeof elementTypes];

/**
 * Graphs inside each other (bodies of If, Loop, Scan). ONNX Runtime's time to load doubles with each: 2 s for 16 `If`s,
 * hours for 30.
 */
export const maxGraphDepth = 16;

/** A model's graphs are inside each other more than `maxGraphDepth` deep. */
export class NestingError extends RangeError {
  constructor() {
    super(`graphs more than ${maxGraphDepth} deep inside each other`);
  }
}

/** Field numbers. */
export const fields = {
  model: { irVersion: 1, producer: 2, graph: 7, opset: 8 },
  opset: { domain: 1, version: 2 },
  graph: { node: 1, name: 2, tensor: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, operator: 4, attribute: 5, domain: 7 },
  attribute: { name: 1, float: 2, int: 3, text: 4, graph: 6, ints: 8, graphs: 11, type: 20 },
  tensor: { dims: 1, type: 2, floats: 4, name: 8, data: 9 },
  value: { name: 1, type: 2 },
  type: { tensor: 1 },
  tensorType: { elementType: 1, shape: 2 },
  shape: { dimension: 1 },
  dimension: { size: 1, name: 2 },
} as const;

/** AttributeProto.AttributeType */
export const attributeTypes = { float: 1, int: 2, text: 3, ints: 7 } as const;

/** An initialiser. */
export interface TensorSpec {
  name: string;
  dims: readonly number[];
  /** An `ElementType`, or a number that means nothing here. */
  type: number;
  /** Little-endian elements, row by row; empty where a tensor was read that is neither raw nor floats. */
  data: Uint8Array;
}

/** An input or output of the graph. */
export interface ValueSpec {
  name: string;
  type: ElementType;
  /** A name where any size will do. */
  dims: readonly (number | string)[];
}

export type AttributeValue =
  { int: number } | { float: number } | { ints: readonly number[] } | { text: string };

/** A node to be written. */
export interface NodeSpec {
  operator: string;
  /** "" is ONNX' own, and what it is where not given. */
  domain?: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: Readonly<Record<string, AttributeValue>>;
}

/** An initialiser that was read. */
export interface GraphTensor extends TensorSpec {
  /** TensorProto, with what is not understood. */
  encoded: Uint8Array;
}

/** A node that was read. */
export interface GraphNode {
  operator: string;
  domain: string;
  /** "" for an optional one that is left out. */
  inputs: readonly string[];
  outputs: readonly string[];
  /** Of the kinds that `AttributeValue` knows. */
  attributes: ReadonlyMap<string, AttributeValue>;
  /** What its subgraphs (of If, Loop, Scan) read: values of theirs and of the graph around them. */
  captured: readonly string[];
  /** NodeProto, with what is not understood. */
  encoded: Uint8Array;
}

export interface GraphInput {
  name: string;
  /** The whole field of GraphProto. */
  encoded: Uint8Array;
}

/** A model taken apart as far as graphs have to be rewritten. What is not listed here is kept as it is. */
export interface OnnxModel {
  irVersion: number;
  nodes: GraphNode[];
  tensors: Map<string, GraphTensor>;
  /** In models of IR 3 the initialisers are among them. */
  inputs: GraphInput[];
  outputs: string[];
  /** Version of each operator set, by domain; "" is ONNX' own. */
  opsets: Map<string, number>;
  /** Fields of ModelProto and GraphProto that are not read, as they were. */
  otherModelFields: Uint8Array[];
  otherGraphFields: Uint8Array[];
}
