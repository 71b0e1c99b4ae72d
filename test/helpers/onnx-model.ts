import {
  fields,
  type GraphNode,
  type NodeSpec,
  type OnnxModel,
  type TensorSpec,
  type ValueSpec,
} from "../../src/onnx/graph.js";
import { Message } from "../../src/onnx/wire.js";
import { rewriteModel } from "../../src/onnx/write.js";

/** A graph for `writeModel`. */
export interface GraphSpec {
  name: string;
  /** Each node after those whose outputs it reads. */
  nodes: readonly (NodeSpec | GraphNode)[];
  tensors: readonly TensorSpec[];
  inputs: readonly ValueSpec[];
  outputs: readonly ValueSpec[];
}

/** The IR version of ONNX 1.10 to 1.12. */
const irVersion = 8;

/** Encodes a whole ONNX model (ModelProto) that uses ONNX' operators of version `opset`. */
export function writeModel(graph: GraphSpec, opset: number): Uint8Array {
  const { name, nodes, tensors, inputs, outputs } = graph;
  const opsetMessage = new Message()
    .text(fields.opset.domain, "")
    .number(fields.opset.version, opset);
  const empty: OnnxModel = {
    irVersion,
    nodes: [],
    tensors: new Map(),
    inputs: [],
    outputs: [],
    opsets: new Map(),
    otherModelFields: [new Message().message(fields.model.opset, opsetMessage).encode()],
    otherGraphFields: [
      new Message().text(fields.graph.name, name).encode(),
      ...outputs.map((output) =>
        new Message().message(fields.graph.output, valueInfo(output)).encode(),
      ),
    ],
  };
  return rewriteModel(empty, { nodes, tensors, moreInputs: inputs });
}

/** Encodes a ValueInfoProto. `type` is a TensorProto.DataType. */
export function valueInfo({
  name,
  type,
  dims,
}: Omit<ValueSpec, "type"> & { type: number }): Message {
  const shape = new Message();
  for (const size of dims) {
    const dimension = new Message();
    if (typeof size === "number") dimension.number(fields.dimension.size, size);
    else dimension.text(fields.dimension.name, size);
    shape.message(fields.shape.dimension, dimension);
  }
  const tensorType = new Message()
    .number(fields.tensorType.elementType, type)
    .message(fields.tensorType.shape, shape);
  return new Message()
    .text(fields.value.name, name)
    .message(fields.value.type, new Message().message(fields.type.tensor, tensorType));
}
