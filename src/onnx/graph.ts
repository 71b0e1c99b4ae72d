/**
 * A model as a graph, and the numbers of onnx.proto3 (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3) that
 * reading and writing it needs.
 */

/** TensorProto.DataType */
export const elementTypes = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
/** An element type that this code can write. */
export type ElementType = (typeof elementTypes)[keyof typeof elementTypes];

/**
 * Deepest nesting of subgraphs (bodies of If, Loop and Scan). ONNX Runtime's loading time doubles with each level: 2 s
 * for 16 `If`s, hours for 30.
 */
export const maxGraphDepth = 16;

/** A model's subgraphs are nested more than `maxGraphDepth` levels deep. */
export class NestingError extends RangeError {
  constructor() {
    super(`graphs more than ${maxGraphDepth} deep inside each other`);
  }
}

/** Field numbers of onnx.proto3, by message. */
export const fields = {
  model: { irVersion: 1, graph: 7, opset: 8 },
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

/** An initialiser: a constant tensor of the graph, such as a layer's weights. */
export interface TensorSpec {
  name: string;
  dims: readonly number[];
  /** An `ElementType`, or another value of TensorProto.DataType. */
  type: number;
  /** Little-endian elements in row-major order; empty for a tensor that was read and has neither raw data nor floats. */
  data: Uint8Array;
}

/** An input or output of the graph. */
export interface ValueSpec {
  name: string;
  type: ElementType;
  /** Sizes of the dimensions; a name stands for any size. */
  dims: readonly (number | string)[];
}

/** An attribute's value. Other kinds, such as subgraphs, are only kept encoded. */
export type AttributeValue =
  { int: number } | { float: number } | { ints: readonly number[] } | { text: string };

/** A node to be written. */
export interface NodeSpec {
  operator: string;
  /** Default: "", ONNX' own domain. */
  domain?: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes?: Readonly<Record<string, AttributeValue>>;
}

/** An initialiser that was read. */
export interface GraphTensor extends TensorSpec {
  /** The TensorProto as it was read, unknown fields included. */
  encoded: Uint8Array;
}

/** A node that was read. */
export interface GraphNode {
  operator: string;
  domain: string;
  /** "" for an optional input that is omitted. */
  inputs: readonly string[];
  outputs: readonly string[];
  /** The attributes whose kind `AttributeValue` covers. */
  attributes: ReadonlyMap<string, AttributeValue>;
  /** Names that its subgraphs (of If, Loop, Scan) read: values of their own and of the surrounding graph. */
  captured: readonly string[];
  /** The NodeProto as it was read, unknown fields included. */
  encoded: Uint8Array;
}

/** An input that was read. */
export interface GraphInput {
  name: string;
  /** The whole field of GraphProto. */
  encoded: Uint8Array;
}

/** A model, parsed as far as rewriting its graph requires. All other fields are kept as they were read. */
export interface OnnxModel {
  irVersion: number;
  nodes: GraphNode[];
  tensors: Map<string, GraphTensor>;
  /** The graph's inputs. In models of IR version 3 these include the initialisers. */
  inputs: GraphInput[];
  outputs: string[];
  /** Version of each operator set, by domain; "" is ONNX' own. */
  opsets: Map<string, number>;
  /** Encoded fields of ModelProto and GraphProto that rewriting copies; opsets and outputs are among them. */
  otherModelFields: Uint8Array[];
  otherGraphFields: Uint8Array[];
}
