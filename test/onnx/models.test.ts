import { describe, expect, test } from "@jest/globals";
import { elementTypes, fields, type NodeSpec, type ValueSpec } from "../../src/onnx/graph.js";
import { floatsOf, readModel } from "../../src/onnx/read.js";
import { rewire, rewriteModel } from "../../src/onnx/write.js";
import { Message } from "../../src/onnx/wire.js";
import { valueInfo as valueInfoOf, writeModel } from "../helpers/onnx-model.js";
import {
  bytesOf,
  floatTensor,
  noise,
  quantizeNetwork,
  run,
  tinyNetwork,
} from "../owners/optimize/tiny-network.js";

const { graph, tensor, node, attribute } = fields;
const type = elementTypes.float;
const values = Float32Array.of(1.5, -2, 0.25, 8);

/** A model with these graph fields, and nothing else. */
function modelOf(irVersion: number, content: Message, opset = 13): Uint8Array {
  return new Message()
    .number(fields.model.irVersion, irVersion)
    .message(fields.model.graph, content)
    .message(fields.model.opset, new Message().text(1, "").number(2, opset))
    .encode();
}

function valueInfo(name: string, dims: number[]): Message {
  return valueInfoOf({ name, type, dims });
}

describe("a float tensor is read", () => {
  const packed = Buffer.from(bytesOf(values));
  const common = (): Message => new Message().number(tensor.dims, 4).number(tensor.type, type);
  const forms: [string, Message][] = [
    ["as raw bytes", common().bytes(tensor.data, packed)],
    ["as packed floats", common().bytes(tensor.floats, packed)],
    [
      "as packed floats in two pieces",
      common().bytes(tensor.floats, packed.subarray(0, 8)).bytes(tensor.floats, packed.subarray(8)),
    ],
    [
      "as floats one by one",
      values.reduce((message, value) => message.float(tensor.floats, value), common()),
    ],
    [
      "with packed dimensions",
      new Message()
        .bytes(tensor.dims, Uint8Array.of(4))
        .number(tensor.type, type)
        .bytes(tensor.data, packed),
    ],
  ];
  test.each(forms)("%s", (_form, message) => {
    const model = modelOf(8, new Message().message(graph.tensor, message.text(tensor.name, "w")));
    const read = readModel(model).tensors.get("w");
    expect(read).toMatchObject({ dims: [4], type });
    expect(floatsOf(read?.data ?? new Uint8Array(0))).toEqual(values);
  });

  test("but not if it is truncated", () => {
    expect(() => floatsOf(new Uint8Array(7))).toThrow(RangeError);
  });
});

describe("attributes are read", () => {
  test("with negative numbers and with packed and unpacked lists; unknown kinds are skipped", () => {
    const attributes = [
      new Message().text(attribute.name, "axis").number(attribute.int, -1),
      new Message()
        .text(attribute.name, "pads")
        .number(attribute.ints, -1)
        .number(attribute.ints, 2),
      new Message().text(attribute.name, "strides").bytes(attribute.ints, Uint8Array.of(3, 4)),
      new Message().text(attribute.name, "alpha").float(attribute.float, 0.5),
      new Message().text(attribute.name, "auto_pad").text(attribute.text, "VALID"),
      new Message().text(attribute.name, "value").bytes(5, new Uint8Array(0)),
    ];
    const message = new Message().text(node.operator, "Conv");
    for (const each of attributes) message.message(node.attribute, each);
    const [read] = readModel(modelOf(8, new Message().message(graph.node, message))).nodes;
    expect(Object.fromEntries(read?.attributes ?? [])).toEqual({
      axis: { int: -1 },
      pads: { ints: [-1, 2] },
      strides: { ints: [3, 4] },
      alpha: { float: 0.5 },
      auto_pad: { text: "VALID" },
    });
  });

  test("as they were written", () => {
    const attributes = {
      axis: { int: -3 },
      perm: { ints: [0, -1, 5] },
      alpha: { float: 0.25 },
      mode: { text: "linear" },
    };
    const spec: NodeSpec = {
      operator: "Any",
      domain: "some.where",
      inputs: ["a", "", "b"],
      outputs: ["c"],
      attributes,
    };
    const model = writeModel(
      { name: "g", nodes: [spec], tensors: [], inputs: [], outputs: [] },
      13,
    );
    const [read] = readModel(model).nodes;
    expect({ ...read, attributes: Object.fromEntries(read?.attributes ?? []) }).toMatchObject(spec);
  });
});

describe("a model is rewritten", () => {
  test("with the unknown fields of the model, the graph, nodes and tensors", () => {
    const unknown = 999;
    const inNode = new Message()
      .text(node.operator, "Relu")
      .text(node.input, "x")
      .text(unknown, "node");
    const inTensor = new Message().text(tensor.name, "w").text(unknown, "tensor");
    const content = new Message()
      .message(graph.node, inNode)
      .message(graph.tensor, inTensor)
      .text(unknown, "graph");
    const model = Buffer.concat([
      modelOf(8, content),
      new Message().text(unknown, "model").encode(),
    ]);
    const read = readModel(model);
    const nodes = read.nodes.map((each) => rewire(each, ["y"]));
    const rewritten = Buffer.from(rewriteModel(read, { nodes, tensors: read.tensors.values() }));
    for (const text of ["node", "tensor", "graph", "model"]) {
      expect(rewritten.includes(Buffer.from(new Message().text(unknown, text).encode()))).toBe(
        true,
      );
    }
    expect(readModel(rewritten).nodes[0]).toMatchObject({ operator: "Relu", inputs: ["y"] });
  });

  test("with the same answers if nothing changes", async () => {
    const model = tinyNetwork({
      nodes: [
        {
          operator: "Softmax",
          inputs: ["input"],
          outputs: ["output"],
          attributes: { axis: { int: -1 } },
        },
      ],
      tensors: [],
      input: [2, 5],
    });
    const read = readModel(model);
    const same = rewriteModel(read, { nodes: read.nodes, tensors: read.tensors.values() });
    const input = noise(10);
    expect(await run(same, input, [2, 5])).toEqual(await run(model, input, [2, 5]));
  });
});

describe("quantisation", () => {
  const weight = floatTensor("w", [12, 6], 0.5);
  const gemm = new Message()
    .text(node.input, "input")
    .text(node.input, "w")
    .text(node.output, "output")
    .text(node.operator, "Gemm");
  const tensorMessage = new Message()
    .number(tensor.dims, 12)
    .number(tensor.dims, 6)
    .number(tensor.type, type)
    .bytes(tensor.floats, weight.data)
    .text(tensor.name, "w");

  test.each([3, 8])("of a model of IR %i whose weights are inputs leaves one input", async (ir) => {
    const content = new Message()
      .message(graph.node, gemm)
      .text(graph.name, "old")
      .message(graph.tensor, tensorMessage)
      .message(graph.input, valueInfo("input", [2, 12]))
      .message(graph.input, valueInfo("w", [12, 6]))
      .message(graph.output, valueInfo("output", [2, 6]));
    const model = modelOf(ir, content, 11);
    const input = noise(24, 5);
    const { bytes, layers } = await quantizeNetwork(model, input, [2, 12]);
    expect(layers).toBe(1);
    expect(readModel(bytes).inputs.map(({ name }) => name)).toEqual(["input"]);
    const [wanted, got] = await Promise.all([
      run(model, input, [2, 12]),
      run(bytes, input, [2, 12]),
    ]);
    const off = wanted
      .get("output")
      ?.map((value, at) => Math.abs(value - (got.get("output")?.[at] ?? NaN)));
    expect(Math.max(...(off ?? [NaN]))).toBeLessThan(0.05);
  });

  test("keeps a weight that a subgraph reads, and the subgraph", async () => {
    // If the sum is positive, the branch returns the weight itself. Nothing else reads "w" as a float.
    const branch = (operator: string): Message =>
      new Message()
        .message(
          graph.node,
          new Message()
            .text(node.input, "w")
            .text(node.output, `o${operator}`)
            .text(node.operator, operator),
        )
        .text(graph.name, operator)
        .message(graph.output, valueInfo(`o${operator}`, [12, 6]));
    const graphAttribute = (name: string, content: Message): Message =>
      new Message()
        .text(attribute.name, name)
        .message(attribute.graph, content)
        .number(attribute.type, 5);
    const branching = new Message()
      .text(node.input, "positive")
      .text(node.output, "chosen")
      .text(node.operator, "If")
      .message(node.attribute, graphAttribute("then_branch", branch("Identity")))
      .message(node.attribute, graphAttribute("else_branch", branch("Neg")));
    const one = (operator: string, inputs: string[], output: string): Message =>
      inputs
        .reduce((message, name) => message.text(node.input, name), new Message())
        .text(node.output, output)
        .text(node.operator, operator);
    const zero = new Message()
      .number(tensor.type, type)
      .bytes(tensor.data, new Uint8Array(4))
      .text(tensor.name, "zero");
    const reduce = one("ReduceSum", ["input"], "sum").message(
      node.attribute,
      new Message()
        .text(attribute.name, "keepdims")
        .number(attribute.int, 0)
        .number(attribute.type, 2),
    );
    const content = new Message()
      .message(graph.node, gemm)
      .message(graph.node, reduce)
      .message(graph.node, one("Greater", ["sum", "zero"], "positive"))
      .message(graph.node, branching)
      .text(graph.name, "branches")
      .message(graph.tensor, tensorMessage)
      .message(graph.tensor, zero)
      .message(graph.input, valueInfo("input", [2, 12]))
      .message(graph.output, valueInfo("output", [2, 6]))
      .message(graph.output, valueInfo("chosen", [12, 6]));
    const model = modelOf(8, content);
    const input = noise(24, 5);
    const { bytes, layers } = await quantizeNetwork(model, input, [2, 12]);
    expect(layers).toBe(1);
    const [wanted, got] = await Promise.all([
      run(model, input, [2, 12]),
      run(bytes, input, [2, 12]),
    ]);
    expect(got.get("chosen")).toEqual(wanted.get("chosen"));
  });

  test("leaves a layer whose weights come from a Constant", async () => {
    const constant = new Message()
      .text(node.output, "w")
      .text(node.operator, "Constant")
      .message(
        node.attribute,
        new Message()
          .text(attribute.name, "value")
          .message(5, tensorMessage)
          .number(attribute.type, 4),
      );
    const content = new Message()
      .message(graph.node, constant)
      .message(graph.node, gemm)
      .text(graph.name, "constant")
      .message(graph.input, valueInfo("input", [2, 12]))
      .message(graph.output, valueInfo("output", [2, 6]));
    const { layers } = await quantizeNetwork(modelOf(8, content), noise(24), [2, 12]);
    expect(layers).toBe(0);
  });

  test("keeps integers that are not raw data, such as a Reshape's shape", async () => {
    const shape = new Message()
      .number(tensor.dims, 2)
      .number(tensor.type, elementTypes.int64)
      .number(7, 2)
      .number(7, -1)
      .text(tensor.name, "shape");
    const reshape = new Message()
      .text(node.input, "input")
      .text(node.input, "shape")
      .text(node.output, "flat")
      .text(node.operator, "Reshape");
    const product = new Message()
      .text(node.input, "flat")
      .text(node.input, "w")
      .text(node.output, "output")
      .text(node.operator, "MatMul");
    const content = new Message()
      .message(graph.node, reshape)
      .message(graph.node, product)
      .text(graph.name, "reshaped")
      .message(graph.tensor, shape)
      .message(graph.tensor, tensorMessage)
      .message(graph.input, valueInfo("input", [2, 3, 4]))
      .message(graph.output, valueInfo("output", [2, 6]));
    const { bytes, layers } = await quantizeNetwork(modelOf(8, content), noise(24), [2, 3, 4]);
    expect(layers).toBe(1);
    expect((await run(bytes, noise(24), [2, 3, 4])).get("output")).toHaveLength(12);
  });
});

test("graphs nested too deeply are refused", () => {
  let content = new Message();
  for (let depth = 0; depth < 100; depth += 1) {
    const nested = new Message().message(attribute.graph, content);
    content = new Message().message(graph.node, new Message().message(node.attribute, nested));
  }
  expect(() => readModel(modelOf(8, content))).toThrow(RangeError);
});

test("a value's shape is written with numbers and names", async () => {
  const outputs: ValueSpec[] = [{ name: "output", type, dims: ["any", 3] }];
  const model = tinyNetwork({
    nodes: [{ operator: "Relu", inputs: ["input"], outputs: ["output"] }],
    tensors: [],
    input: ["any", 3],
    outputs,
  });
  expect((await run(model, noise(6), [2, 3])).get("output")).toHaveLength(6);
  await expect(run(model, noise(8), [2, 4])).rejects.toThrow();
});
