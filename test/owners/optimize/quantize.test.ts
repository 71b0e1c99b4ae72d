import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { elementTypes, type NodeSpec, type ValueSpec } from "../../../src/onnx/graph.js";
import { readModel } from "../../../src/onnx/read.js";
import {
  bytesOf,
  floatTensor,
  noise,
  operatorsRun,
  quantizeNetwork,
  run,
  tinyNetwork,
  type TinyNetwork,
} from "./tiny-network.js";

const float = elementTypes.float;
const ints = (...values: number[]) => ({ ints: values });
const conv = (
  inputs: string[],
  output: string,
  attributes: NodeSpec["attributes"] = {},
): NodeSpec => ({
  operator: "Conv",
  inputs,
  outputs: [output],
  attributes: { kernel_shape: ints(3, 3), ...attributes },
});
const gemm = (
  inputs: string[],
  output: string,
  attributes: NodeSpec["attributes"] = {},
): NodeSpec => ({
  operator: "Gemm",
  inputs,
  outputs: [output],
  attributes,
});
const simple = (operator: string, inputs: string[], output: string, attributes = {}): NodeSpec => ({
  operator,
  inputs,
  outputs: [output],
  attributes,
});

const picture = [1, 4, 8, 8];
const row = [2, 12];
/** The last node of a network of convolutions, so that its output is not a convolution's. */
const pooled = (from: string): NodeSpec => simple("GlobalAveragePool", [from], "output");
const pooledOutput: ValueSpec[] = [{ name: "output", type: float, dims: ["n", "c", 1, 1] }];

interface Case extends TinyNetwork {
  dims: number[];
  /** Expected number of layers in 8 bits, and the operators that run them. */
  layers: number;
  operators?: string[];
}

const convolution = (network: Omit<Case, "input" | "dims" | "outputs">): Case => ({
  input: ["n", 4, 8, 8],
  dims: picture,
  outputs: pooledOutput,
  ...network,
});
const linear = (network: Omit<Case, "input" | "dims">): Case => ({
  input: ["n", 12],
  dims: row,
  ...network,
});
const w = (name = "w", dims = [6, 4, 3, 3]) => floatTensor(name, dims, 0.5);
const b = (name = "b", dims = [6]) => floatTensor(name, dims, 0.5);

const cases: Record<string, Case> = {
  "a convolution with bias and rectifier": convolution({
    nodes: [conv(["input", "w", "b"], "x"), simple("Relu", ["x"], "y"), pooled("y")],
    tensors: [w(), b()],
    layers: 1,
    operators: ["QLinearConv"],
  }),
  "a convolution without bias": convolution({
    nodes: [conv(["input", "w"], "x"), pooled("x")],
    tensors: [w()],
    layers: 1,
    operators: ["QLinearConv"],
  }),
  "a convolution in groups, of strides, padded on one side": convolution({
    nodes: [
      conv(["input", "w", "b"], "x", {
        group: { int: 2 },
        strides: ints(2, 1),
        pads: ints(0, 2, 1, 0),
      }),
      pooled("x"),
    ],
    tensors: [w("w", [6, 2, 3, 3]), b()],
    layers: 1,
    operators: ["QLinearConv"],
  }),
  "convolutions with a pool and a concatenation between them": convolution({
    nodes: [
      conv(["input", "w", "b"], "x", { pads: ints(1, 1, 1, 1) }),
      simple("Relu", ["x"], "xr"),
      conv(["input", "v", "b"], "y", { pads: ints(1, 1, 1, 1) }),
      simple("Concat", ["xr", "y"], "both", { axis: { int: -3 } }),
      simple("MaxPool", ["both"], "small", { kernel_shape: ints(2, 2), strides: ints(2, 2) }),
      conv(["small", "u"], "z"),
      pooled("z"),
    ],
    tensors: [w(), w("v"), b(), w("u", [5, 12, 3, 3])],
    layers: 3,
    // Integers from the first to the last layer, the pool included.
    operators: [
      ...["QLinearConv", "QLinearConv", "QLinearConv", "QLinearConcat"],
      ...["QuantizeLinear", "DequantizeLinear"],
    ],
  }),
  "two convolutions that share weights and bias": convolution({
    nodes: [
      conv(["input", "w", "b"], "x", { pads: ints(1, 1, 1, 1) }),
      conv(["x", "w", "b"], "y"),
      pooled("y"),
    ],
    tensors: [w("w", [4, 4, 3, 3]), b("b", [4])],
    layers: 2,
    operators: ["QLinearConv", "QLinearConv"],
  }),
  "a Gemm with rows for outputs": linear({
    nodes: [gemm(["input", "w", "b"], "output", { transB: { int: 1 } })],
    tensors: [w("w", [6, 12]), b()],
    layers: 1,
    operators: ["QGemm"],
  }),
  "a Gemm with columns for outputs, and a bias in two dimensions": linear({
    nodes: [gemm(["input", "w", "b"], "output", { alpha: { float: 1 }, beta: { float: 1 } })],
    tensors: [w("w", [12, 6]), b("b", [1, 6])],
    layers: 1,
    operators: ["QGemm"],
  }),
  "a MatMul": linear({
    nodes: [simple("MatMul", ["input", "w"], "output")],
    tensors: [w("w", [12, 6])],
    layers: 1,
    operators: ["MatMulIntegerToFloat"],
  }),
  "a weight that is read as float, too": linear({
    nodes: [
      simple("MatMul", ["input", "w"], "x"),
      simple("ReduceMax", ["w"], "largest", { keepdims: { int: 0 } }),
      simple("Mul", ["x", "largest"], "output"),
    ],
    tensors: [w("w", [12, 6])],
    layers: 1,
  }),
  "layers of which one reads what is also an output": linear({
    nodes: [
      gemm(["input", "w", "b"], "middle"),
      simple("Relu", ["middle"], "rectified"),
      gemm(["rectified", "v"], "output"),
    ],
    tensors: [w("w", [12, 6]), b(), w("v", [6, 3])],
    outputs: ["middle", "rectified", "output"].map((name) => ({
      name,
      type: float,
      dims: ["n", "c"],
    })),
    layers: 2,
  }),
  "one weight read by rows and by columns": linear({
    nodes: [gemm(["input", "w"], "x"), gemm(["x", "w"], "output", { transB: { int: 1 } })],
    tensors: [w("w", [12, 12])],
    layers: 2,
  }),
  "a bias that is very large for its weights": linear({
    nodes: [gemm(["input", "w", "b"], "output")],
    tensors: [floatTensor("w", [12, 6], 1e-9), floatTensor("b", [6], 2000)],
    layers: 1,
  }),
  "operators of version 11, whose scales are one": convolution({
    nodes: [conv(["input", "w", "b"], "x"), simple("Relu", ["x"], "y"), pooled("y")],
    tensors: [w(), b()],
    opset: 11,
    layers: 1,
    operators: ["QLinearConv"],
  }),
};

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "confml-onnx-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("quantised, answers differ by less than 3 % of the float model's range:", () => {
  test.each(Object.entries(cases))("%s", async (_name, network) => {
    const { dims, layers, operators = [] } = network;
    const model = tinyNetwork(network);
    const input = noise(
      dims.reduce((a, c) => a * c, 1),
      7,
    );
    const wanted = await run(model, input, dims);
    for (const weights of ["int8", "uint8"] as const) {
      const quantized = await quantizeNetwork(model, input, dims, { weights });
      expect(quantized.layers).toBe(layers);
      const got = await run(quantized.bytes, input, dims);
      expect([...got.keys()]).toEqual([...wanted.keys()]);
      for (const [name, values] of wanted) expectClose(got.get(name), values);
      const runs = await operatorsRun(quantized.bytes, join(folder, "optimized.onnx"));
      for (const operator of operators) {
        const count = (list: string[]): number => list.filter((each) => each === operator).length;
        expect([operator, count(runs)]).toEqual([operator, count(operators)]);
      }
    }
  });
});

/** Two layers, each with an error of half a step of input and weights, stay within 3 % of the range. */
function expectClose(got: Float32Array | undefined, wanted: Float32Array): void {
  const spread = Math.max(...wanted.map(Math.abs));
  const off = wanted.map((value, index) => Math.abs(value - (got?.[index] ?? NaN)));
  expect(Math.max(...off) / spread).toBeLessThan(0.03);
}

const left: Record<string, Case> = {
  "a Gemm that scales": linear({
    nodes: [gemm(["input", "w"], "output", { alpha: { float: 0.5 } })],
    tensors: [w("w", [12, 6])],
    layers: 0,
  }),
  "a Gemm whose bias is a whole matrix": linear({
    nodes: [gemm(["input", "w", "b"], "output")],
    tensors: [w("w", [12, 6]), b("b", [2, 6])],
    layers: 0,
  }),
  "weights that another node makes": linear({
    nodes: [simple("Neg", ["w"], "v"), gemm(["input", "v"], "output")],
    tensors: [w("w", [12, 6])],
    layers: 0,
  }),
  "a product of two activations": linear({
    nodes: [
      simple("Transpose", ["input"], "turned"),
      simple("MatMul", ["input", "turned"], "output"),
    ],
    tensors: [],
    layers: 0,
  }),
  "a product with a constant on the left": linear({
    nodes: [simple("MatMul", ["w", "input"], "output")],
    tensors: [w("w", [6, 2])],
    layers: 0,
  }),
  "a convolution whose result is the model's output": convolution({
    nodes: [conv(["input", "w"], "output")],
    tensors: [w()],
    layers: 0,
  }),
  "an operator of the same name in another domain": linear({
    nodes: [
      {
        ...gemm(["input", "w"], "x"),
        operator: "Gelu",
        domain: "com.microsoft",
        inputs: ["input"],
      },
      simple("Neg", ["x"], "output"),
    ],
    tensors: [],
    layers: 0,
  }),
};

describe("not quantised, with its nodes unchanged to the byte:", () => {
  test.each(Object.entries(left))("%s", async (name, network) => {
    const { dims } = network;
    let model = tinyNetwork(network);
    if (name.includes("domain")) model = withOpset(model, "com.microsoft");
    const input = noise(
      dims.reduce((a, c) => a * c, 1),
      7,
    );
    const { bytes, layers } = await quantizeNetwork(model, input, dims);
    expect(layers).toBe(0);
    expect(readModel(bytes).nodes.map(({ encoded }) => Buffer.from(encoded))).toEqual(
      readModel(model).nodes.map(({ encoded }) => Buffer.from(encoded)),
    );
    expect(await run(bytes, input, dims)).toEqual(await run(model, input, dims));
  });
});

function withOpset(model: Uint8Array, domain: string): Uint8Array {
  const text = Buffer.from(domain);
  const opset = Buffer.concat([Buffer.from([0x0a, text.length]), text, Buffer.from([0x10, 1])]);
  return Buffer.concat([model, Buffer.from([0x42, opset.length]), opset]);
}

describe("a model in 8 bits", () => {
  const network = cases["convolutions with a pool and a concatenation between them"];
  if (network === undefined) throw new Error("no such case");
  const model = tinyNetwork(network);
  const one = 4 * 8 * 8;
  const batch = noise(8 * one, 3);

  test("is the same each time", async () => {
    const make = () => quantizeNetwork(model, batch, [8, 4, 8, 8]);
    expect(Buffer.from((await make()).bytes)).toEqual(Buffer.from((await make()).bytes));
  });

  test("answers the same with the weights signed and unsigned", async () => {
    const answers = await Promise.all(
      (["int8", "uint8"] as const).map(async (weights) => {
        const { bytes } = await quantizeNetwork(model, batch, [8, 4, 8, 8], { weights });
        return run(bytes, batch, [8, 4, 8, 8]);
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
  });

  test("has the same answer to a picture alone and beside others with much larger values", async () => {
    const { bytes } = await quantizeNetwork(model, batch, [8, 4, 8, 8]);
    const others = Float32Array.from(batch, (value, index) => (index < one ? value : value * 100));
    const alone = (await run(bytes, batch.slice(0, one), picture)).get("output");
    const among = (await run(bytes, others, [8, 4, 8, 8])).get("output");
    expect(among?.slice(0, alone?.length)).toEqual(alone);
  });

  test("declares the operator sets that it uses", async () => {
    const old = cases["operators of version 11, whose scales are one"];
    if (old === undefined) throw new Error("no such case");
    const { bytes } = await quantizeNetwork(tinyNetwork(old), noise(one), picture);
    expect(readModel(bytes).opsets).toEqual(
      new Map([
        ["", 11],
        ["com.microsoft", 1],
      ]),
    );
  });

  test("has only the requested kinds of layers in 8 bits", async () => {
    const none = await quantizeNetwork(model, batch, [8, 4, 8, 8], { kinds: ["linear"] });
    expect(none.layers).toBe(0);
  });

  test("has no float weights, except those that other nodes read", async () => {
    const names = async (key: string, dims: number[]): Promise<string[]> => {
      const chosen = cases[key];
      if (chosen === undefined) throw new Error("no such case");
      const input = noise(dims.reduce((a, c) => a * c, 1));
      const { bytes } = await quantizeNetwork(tinyNetwork(chosen), input, dims);
      return [...readModel(bytes).tensors.keys()];
    };
    expect(await names("a MatMul", row)).not.toContain("w");
    expect(await names("a weight that is read as float, too", row)).toContain("w");
  });
});

describe("a value that is NaN for some picture", () => {
  test("keeps the layers that read it in floats", async () => {
    const model = tinyNetwork(
      linear({
        nodes: [simple("Log", ["input"], "x"), gemm(["x", "w"], "output")],
        tensors: [w("w", [12, 6])],
        layers: 0,
      }),
    );
    const { layers } = await quantizeNetwork(model, noise(24).fill(-1, 0, 1), row);
    expect(layers).toBe(0);
  });
});

test("new names differ from those that the model already uses", async () => {
  const model = tinyNetwork(
    linear({
      nodes: [gemm(["input", "w"], "w.float"), simple("Relu", ["w.float"], "output")],
      tensors: [
        w("w", [12, 6]),
        { ...floatTensor("w.scale", [1]), data: bytesOf(Float32Array.of(3)) },
      ],
      layers: 1,
    }),
  );
  const input = noise(24);
  const { bytes, layers } = await quantizeNetwork(model, input, row);
  expect(layers).toBe(1);
  expectClose(
    (await run(bytes, input, row)).get("output"),
    (await run(model, input, row)).get("output") ?? input,
  );
});
