import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { loadManifest, type Manifest } from "../../src/model/manifest.js";
import { findRandomOperator, findRandomOperatorInOrt } from "../../src/onnx/random-operators.js";
import { createModelSession } from "../../src/inference/session.js";
import { loadOptions } from "../helpers/load-options.js";
import { projectFolder } from "../helpers/server-process.js";
import { bool, graphNode, subgraph } from "./subgraphs.js";
import { node } from "../owners/optimize/tiny-network.js";
import { floats, variantModel, type ModelVariant } from "../inference/hostile-models.js";

let folder: string;
let manifest: Manifest;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-random-"));
  manifest = await loadManifest(join(projectFolder, "test/fixtures/models/colours.json"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

const yes = { name: "yes", dims: [], type: bool, data: Uint8Array.of(1) };
const no = { name: "no", dims: [], type: bool, data: Uint8Array.of(0) };
const add = node("Add", ["honest", "chance"], "scores");
const seed = { seed: { float: 1 } };
const training: ModelVariant = {
  nodes: [node("Dropout", ["honest", "ratio", "yes"], "scores")],
  tensors: [yes, floats("ratio", [0.5], [])],
};
const hidden: ModelVariant = {
  nodes: [
    node("ReduceMax", ["honest"], "most", { keepdims: { int: 0 } }),
    node("Greater", ["most", "bar"], "brightly"),
    graphNode("If", ["brightly"], "scores", {
      then_branch: subgraph(
        [
          node("RandomNormalLike", ["honest"], "drawn", seed),
          node("Add", ["honest", "drawn"], "a"),
        ],
        "a",
      ),
      else_branch: subgraph([node("Identity", ["honest"], "b")], "b"),
    }),
  ],
  tensors: [floats("bar", [1000], [])],
};

async function ortOf(model: Uint8Array): Promise<Buffer> {
  const file = join(folder, "model.ort");
  const session = await InferenceSession.create(model, {
    logSeverityLevel: 4,
    optimizedModelFilePath: file,
    extra: { session: { save_model_format: "ORT" } },
  });
  await session.release();
  return readFile(file);
}

describe("an operator that draws random numbers is found in both formats:", () => {
  test.each<[string, ModelVariant]>([
    ["RandomNormalLike", { nodes: [node("RandomNormalLike", ["honest"], "chance", seed), add] }],
    ["RandomUniformLike", { nodes: [node("RandomUniformLike", ["honest"], "chance", seed), add] }],
    [
      "RandomNormal",
      { nodes: [node("RandomNormal", [], "chance", { shape: { ints: [3] } }), add] },
    ],
    [
      "RandomUniform",
      { nodes: [node("RandomUniform", [], "chance", { shape: { ints: [3] } }), add] },
    ],
    [
      "Multinomial",
      {
        nodes: [
          node("Multinomial", ["honest"], "drawn", { dtype: { int: 6 }, sample_size: { int: 3 } }),
          node("Cast", ["drawn"], "chance", { to: { int: 1 } }),
          add,
        ],
      },
    ],
    ["Dropout", training],
    ["RandomNormalLike", hidden],
  ])("%s", async (operator, variant) => {
    const model = variantModel(variant);
    expect(findRandomOperator(model)).toBe(operator);
    const ort = await ortOf(model);
    expect(findRandomOperatorInOrt(ort)).toBe(operator);
    for (const [bytes, format] of [
      [model, "onnx"],
      [ort, "ort"],
    ] as const) {
      const load = createModelSession(new Uint8Array(bytes), manifest, { ...loadOptions, format });
      await expect(load).rejects.toMatchObject({
        code: "MODEL_INVALID",
        failure: { got: `one with the operator ${operator}` },
      });
    }
  });
});

describe("no random operator is found in", () => {
  test("a model without one, with similar names and a Dropout without training mode", async () => {
    const calm: ModelVariant = {
      nodes: [
        node("Dropout", ["honest"], "RandomNormal_1"),
        node("Identity", ["RandomNormal_1"], "Multinomial_1"),
        node("Add", ["Multinomial_1", "Dropout.bias"], "scores"),
      ],
      tensors: [floats("Dropout.bias", [0]), no],
    };
    const model = variantModel(calm);
    expect(findRandomOperator(model)).toBeUndefined();
    expect(findRandomOperatorInOrt(await ortOf(model))).toBeUndefined();
    const demo = await readFile(join(projectFolder, "models/demo/alexnet.onnx"));
    expect(findRandomOperator(demo)).toBeUndefined();
    expect(findRandomOperatorInOrt(await ortOf(demo))).toBeUndefined();
  });

  test("bytes that end early, begin with the name or have another length before it", () => {
    for (const text of [
      "Random",
      "RandomNormal",
      "\xff\xff\xff\xffRandomNormal",
      "\f\0\0Multinomial",
    ]) {
      expect(findRandomOperatorInOrt(Buffer.from(text, "latin1"))).toBeUndefined();
    }
    expect(findRandomOperatorInOrt(Buffer.from("\f\0\0\0RandomNormal\0", "latin1"))).toBe(
      "RandomNormal",
    );
  });
});

test("ONNX Runtime's generator outlives a run, which is why these operators are refused", async () => {
  const model = variantModel({
    nodes: [node("RandomNormalLike", ["honest"], "chance", seed), add],
  });
  const session = await InferenceSession.create(model, { logSeverityLevel: 4 });
  const run = async (): Promise<unknown> => {
    const pixels = new Tensor("float32", new Float32Array(3 * 32 * 32), [1, 3, 32, 32]);
    return (await session.run({ pixels }))["scores"]?.data;
  };
  expect(await run()).not.toEqual(await run());
  await session.release();
});
