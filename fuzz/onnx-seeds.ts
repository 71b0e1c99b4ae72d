import { elementTypes, fields } from "../src/onnx/graph.js";
import { Message } from "../src/onnx/wire.js";
import { writeModel } from "../test/helpers/onnx-model.js";
import { projectFile } from "./project.js";

const externalData = 13;
const dataLocation = 14;
const functionField = 25;
const functionNode = 7;

/** Small models: the one of the tests, and others with all kinds of attributes, nested graphs, external data and a function. */
export function onnxSeeds(): Uint8Array[] {
  const value = { name: "x", type: elementTypes.float, dims: ["N", 3] };
  const plain = writeModel(
    {
      name: "g",
      nodes: [
        {
          operator: "Conv",
          inputs: ["x", "w"],
          outputs: ["y"],
          attributes: {
            a: { int: -1 },
            b: { float: 0.5 },
            c: { ints: [1, 2, 3] },
            d: { text: "e" },
          },
        },
      ],
      tensors: [{ name: "w", dims: [2, 2], type: elementTypes.float, data: Buffer.alloc(16, 1) }],
      inputs: [value],
      outputs: [{ ...value, name: "y" }],
    },
    13,
  );
  const random = new Message().text(fields.node.operator, "RandomNormal");
  const external = new Message()
    .text(fields.tensor.name, "w")
    .number(dataLocation, 1)
    .message(externalData, new Message());
  const inFunction = new Message().message(
    functionField,
    new Message().message(functionNode, random),
  );
  return [
    projectFile("test/fixtures/models/colours.onnx"),
    plain,
    inGraph(new Message().message(fields.graph.node, nested(3, random))),
    inGraph(new Message().message(fields.graph.node, nested(20, random))),
    inGraph(new Message().message(fields.graph.tensor, external)),
    inFunction.encode(),
    // A name as ONNX Runtime's own format stores it.
    Buffer.concat([
      Buffer.from("ORTM"),
      Buffer.of(12, 0, 0, 0),
      Buffer.from("RandomNormal\0\0\0\0"),
    ]),
  ];
}

function inGraph(graph: Message): Uint8Array {
  return new Message().message(fields.model.graph, graph).encode();
}

function nested(depth: number, innermost: Message): Message {
  if (depth === 0) return innermost;
  const graph = new Message().message(fields.graph.node, nested(depth - 1, innermost));
  return new Message()
    .text(fields.node.operator, "If")
    .message(fields.node.attribute, new Message().message(fields.attribute.graph, graph));
}
