import { describe, expect, test } from "@jest/globals";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { lendWeights } from "../../src/onnx/lend-weights.js";
import type { NodeSpec } from "../../src/onnx/graph.js";
import { floatTensor, noise, run, tinyNetwork } from "../owners/optimize/tiny-network.js";

/** A tensor of 1.5 MB. The length of its name shifts the address of its data. */
const large = (name: string) => floatTensor(name, [128, 3072], 0.1);
const gemm = (
  weight: string,
  output: string,
  attributes: NodeSpec["attributes"] = {},
): NodeSpec => ({
  operator: "Gemm",
  inputs: ["input", weight],
  outputs: [output],
  attributes: { transB: { int: 1 }, ...attributes },
});
const dims = [2, 3072];
const input = noise(2 * 3072);

function network(...[nodes, tensors]: [NodeSpec[], ReturnType<typeof large>[]]): Uint8Array {
  return tinyNetwork({ nodes, tensors, input: ["n", 3072] });
}

describe("a large matrix that is multiplied by", () => {
  test.each(["w", "w1", "w12", "w123"])(
    "becomes an input at any alignment (%s), and the answers stay the same",
    async (name) => {
      const model = network([gemm(name, "output")], [large(name)]);
      const wanted = (await run(model, input, dims)).get("output");
      const lent = lendWeights(model);
      expect([...lent.weights.keys()]).toEqual([name]);
      expect(lent.model.length).toBeLessThan(1000);
      const data = lent.weights.get(name)?.data ?? new Float32Array();
      // The data was not copied.
      expect(data.buffer).toBe(model.buffer);
      const session = await InferenceSession.create(lent.model);
      const feeds = {
        input: new Tensor("float32", input, dims),
        [name]: new Tensor("float32", data, [128, 3072]),
      };
      const { output } = await session.run(feeds);
      await session.release();
      // The kernel sums in another order.
      const got = Array.from(output?.data ?? [], Number);
      expect(got).toHaveLength(256);
      got.forEach((value, index) => {
        expect(value).toBeCloseTo(wanted?.[index] ?? NaN, 4);
      });
    },
  );

  test("becomes one input if two layers share it, and two different ones become two", () => {
    const nodes = [
      gemm("shared", "a"),
      gemm("shared", "b"),
      { operator: "MatMul", inputs: ["a", "other"], outputs: ["c"] },
      { operator: "Add", inputs: ["b", "c"], outputs: ["output"] },
    ];
    const other = floatTensor("other", [128, 2048]);
    const { weights } = lendWeights(network(nodes, [large("shared"), other]));
    expect([...weights].map(([name, tensor]) => [name, ...tensor.dims])).toEqual([
      ["shared", 128, 3072],
      ["other", 128, 2048],
    ]);
  });
});

describe("a tensor that stays in the model:", () => {
  const cases: [string, NodeSpec[], ReturnType<typeof large>[]][] = [
    ["a small matrix", [gemm("w", "output")], [floatTensor("w", [80, 3072])]],
    [
      "a matrix that is read in another way as well",
      [
        gemm("w", "a"),
        {
          operator: "ReduceMax",
          inputs: ["w"],
          outputs: ["b"],
          attributes: { keepdims: { int: 0 } },
        },
        { operator: "Add", inputs: ["a", "b"], outputs: ["output"] },
      ],
      [large("w")],
    ],
    [
      "the first operand of a multiplication",
      [
        { operator: "Transpose", inputs: ["input"], outputs: ["t"] },
        { operator: "MatMul", inputs: ["w", "t"], outputs: ["output"] },
      ],
      [large("w")],
    ],
    [
      "a multiplication of another domain",
      [{ ...gemm("w", "output"), domain: "com.example" }],
      [large("w")],
    ],
    [
      "a matrix whose data does not match its dimensions",
      [gemm("w", "output")],
      [{ ...large("w"), dims: [127, 3072] }],
    ],
  ];

  test.each(cases)("%s", (_what, nodes, tensors) => {
    const { weights, model } = lendWeights(network(nodes, tensors));
    expect(weights.size).toBe(0);
    expect(model.length).toBeGreaterThan(900_000);
  });
});
