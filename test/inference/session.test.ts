import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { loadManifest, type Manifest } from "../../src/model/manifest.js";
import { createModelSession } from "../../src/inference/session.js";
import { referencePicture } from "../../src/inference/reference-picture.js";
import { elementTypes as elementType, type TensorSpec } from "../../src/onnx/graph.js";
import { floatTensor, tinyNetwork } from "../owners/optimize/tiny-network.js";
import { loadOptions } from "../helpers/load-options.js";
import { projectFolder } from "../helpers/server-process.js";
import { elementTypes, tinyModel } from "../onnx/onnx-bytes.js";

const folder = join(projectFolder, "test/fixtures/models");
let model: Buffer;
let manifest: Manifest;

beforeAll(async () => {
  model = await readFile(join(folder, "colours.onnx"));
  manifest = await loadManifest(join(folder, "colours.json"));
});

/** The model with a number, a varint of five bytes, in place of its input's batch N. */
function withBatch(size: string): Buffer {
  // ModelProto.graph and, in it, input → type → tensor_type → shape → dim: each three bytes longer.
  return Buffer.from(
    model
      .toString("latin1")
      .replace("\x3a\xac\x01", "\x3a\xaf\x01")
      .replace(
        "Z\x21\n\x06pixels\x12\x17\n\x15\b\x01\x12\x11\n\x03\x12\x01N",
        `Z\x24\n\x06pixels\x12\x1a\n\x18\b\x01\x12\x14\n\x06\b${size}`,
      ),
    "latin1",
  );
}

/** The model's bytes with a text replaced by one of the same length. */
function replaced(from: string, to: string): Buffer {
  return Buffer.from(model.toString("latin1").replaceAll(from, to), "latin1");
}

/** A picture of one grey, from 0 to 1. */
function grey(value: number): Uint8Array {
  return new Uint8Array(3 * 32 * 32).fill(value * 255);
}

function integers(name: string, values: number[]): TensorSpec {
  const data = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  return { name, dims: [values.length], type: elementType.int64, data };
}

function round(score: number): number {
  return Math.round(score * 1e4) / 1e4;
}

describe("a model session", () => {
  test("returns a row for each picture, independent of earlier runs", async () => {
    const session = await createModelSession(new Uint8Array(model), manifest, loadOptions);
    const { scores } = await session.run([grey(0), grey(0.4), grey(1)]);
    expect([...scores].map(round)).toEqual([0, 0, 0, 4, 4, 4, 10, 10, 10]);
    expect([...(await session.run([grey(0.2)])).scores].map(round)).toEqual([2, 2, 2]);
    expect(session.fixedBatch).toBeUndefined();
    await session.release();
  });

  test("fills up a batch of fixed size", async () => {
    const fixed = withBatch("\x84\x80\x80\x80\x00");
    const session = await createModelSession(fixed, manifest, loadOptions);
    expect(session.fixedBatch).toBe(4);
    expect([...(await session.run([grey(0.2)])).scores].map(round)).toEqual([2, 2, 2]);
    expect((await session.run([0, 0, 0, 0].map(grey))).scores).toHaveLength(12);
    await session.release();
  });

  test("frees the bytes once ONNX Runtime has its own copy", async () => {
    const bytes = new Uint8Array(model);
    const session = await createModelSession(bytes, manifest, loadOptions);
    expect(bytes).toHaveLength(0);
    expect([...(await session.run([grey(0.6)])).scores].map(round)).toEqual([6, 6, 6]);
    await session.release();
  });

  test("wipes bytes that lie in a larger buffer, and leaves the rest of it alone", async () => {
    const pool = new Uint8Array(model.length + 2).fill(7);
    const bytes = pool.subarray(1, -1);
    bytes.set(model);
    await (await createModelSession(bytes, manifest, loadOptions)).release();
    expect(pool.indexOf(0)).toBe(1);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect([pool[0], pool.at(-1)]).toEqual([7, 7]);
  });

  test.each(["packed", "in-place"] as const)(
    "gives the same answer with weights %s",
    async (weights) => {
      // 3 × 3072 numbers that pick one each, through a matrix of over a megabyte.
      const picks = floatTensor("picks", [128, 3072], 0);
      const values = new Float32Array(picks.data.buffer);
      [0, 1024, 2048].forEach((at, label) => (values[label * 3072 + at] = label + 1));
      const network = tinyNetwork({
        input: ["n", 3, 32, 32],
        tensors: [picks, integers("starts", [0, 0]), integers("ends", [1000, 3])],
        nodes: [
          { operator: "Flatten", inputs: ["pixels"], outputs: ["flat"] },
          {
            operator: "Gemm",
            inputs: ["flat", "picks"],
            outputs: ["all"],
            attributes: { transB: { int: 1 } },
          },
          { operator: "Slice", inputs: ["all", "starts", "ends"], outputs: ["scores"] },
        ],
        inputName: "pixels",
        outputs: [{ name: "scores", type: 1, dims: ["n", 3] }],
      });
      const session = await createModelSession(network, manifest, { ...loadOptions, weights });
      const picture = Uint8Array.from({ length: 3072 }, (_, at) =>
        at < 3 ? ([51, 102, 255][at] ?? 0) : 9,
      );
      expect([...(await session.run([picture, grey(1)])).scores].map(round)).toEqual([
        0.2, 0.8, 3, 1, 2, 3,
      ]);
      await session.release();
    },
  );

  test("is refused in-place if its manifest requires packed weights", async () => {
    const eightBits = { ...manifest, weights: "packed" as const };
    const load = (weights: "packed" | "in-place") =>
      createModelSession(new Uint8Array(model), eightBits, { ...loadOptions, weights });
    await expect(load("in-place")).rejects.toThrow(
      /weights that are packed, as the manifest says; got Inference\.Model\.Weights "in-place"/u,
    );
    await (await load("packed")).release();
  });

  test("is refused if its answer differs from the manifest's reference answer", async () => {
    const pixels = referencePicture(3 * 32 * 32);
    const output = [0, 1, 2].map(
      (channel) =>
        pixels.subarray(channel * 1024, (channel + 1) * 1024).reduce((a, b) => a + b) / 102.4,
    );
    const load = async (numbers: number[]): Promise<void> => {
      const named = { ...manifest, reference: { output: numbers } };
      const session = await createModelSession(new Uint8Array(model), named, loadOptions);
      await session.release();
    };
    await load(output);
    const spread = Math.max(...output) - Math.min(...output);
    const [first = 0, ...rest] = output;
    await load([first + spread * 0.015, ...rest]);
    await expect(load([first + spread * 0.05, ...rest])).rejects.toThrow(
      /the manifest's reference answer to a first picture; got one that differs by .* %/u,
    );
  });

  test.each<[string, () => [Buffer, Manifest], RegExp]>([
    ["nothing", () => [Buffer.alloc(0), manifest], /an ONNX model under the decryption/u],
    [
      "text",
      () => [Buffer.from("no model at all"), manifest],
      /an ONNX model under the decryption/u,
    ],
    [
      "ONNX Runtime's own format",
      // As Protocol Buffers these bytes are one unknown field of 62 bytes.
      () => [Buffer.from("\x1a\x3e\x00\x00ORTM".padEnd(64, "\x00"), "latin1"), manifest],
      /an ONNX model under the decryption; got No graph was found in the protobuf/u,
    ],
    [
      "half a model",
      () => [model.subarray(0, 100), manifest],
      /an ONNX model under the decryption/u,
    ],
    [
      "an unknown operator",
      () => [replaced("ReduceMean", "ReduceNean"), manifest],
      /got .*ReduceNean/u,
    ],
    [
      "a label list that is too short",
      () => [model, { ...manifest, labels: ["red", "green"] }],
      /as many labels as the model has outputs \(3\); got 2 labels/u,
    ],
    [
      "a label list that is too long",
      () => [model, { ...manifest, labels: ["red", "green", "blue", "white"] }],
      /\(3\); got 4 labels/u,
    ],
    [
      "another input's name",
      () => [model, { ...manifest, input: { ...manifest.input, name: "image" } }],
      /a float32 input named "image".*got "pixels"/u,
    ],
    [
      "another output's name",
      () => [model, { ...manifest, output: { ...manifest.output, name: "logits" } }],
      /a float32 output named "logits".*got "scores"/u,
    ],
    [
      "another size",
      () => [model, { ...manifest, input: { ...manifest.input, shape: ["N", 3, 64, 64] } }],
      /an input of shape \[N, 3, 64, 64\].*got shape \[N, 3, 32, 32\]/u,
    ],
    [
      "a fixed batch that is too large",
      () => [withBatch("\x80\x80\x80\x80\x08"), manifest],
      /a batch of at most Inference\.Limits\.MaxBatch pictures \(8\); got a model whose batch is fixed at 2147483648/u,
    ],
    [
      "weights in another file, hidden under a field number of more than 32 bits",
      () => [Buffer.concat([model, Buffer.from("3a082a06f08080801001", "hex")]), manifest],
      /an ONNX model under the decryption; got a field's number too high/u,
    ],
    [
      "a type other than float32",
      () => [tinyModel("Identity", ["pixels"], elementTypes.double), manifest],
      /a float32 input named "pixels".*got another type/u,
    ],
    [
      "a second input",
      () => [tinyModel("Add", ["pixels", "mask"], elementTypes.float), manifest],
      /expected one input; got 2 inputs/u,
    ],
    [
      "answers that are pictures",
      () => [tinyModel("Identity", ["pixels"], elementTypes.float), manifest],
      /an output of shape \[N, classes\]; got shape \[1, 3, 32, 32\]/u,
    ],
    [
      "weights in another file",
      // TensorProto.data_location (field 14) = EXTERNAL, in an initialiser of a second graph field.
      () => [Buffer.concat([model, Buffer.from("3a042a027001", "hex")]), manifest],
      /external data/u,
    ],
    [
      "answers that are NaN",
      // The factor of ten as a little-endian float becomes NaN.
      () => [replaced("\x00\x00\x20\x41", "\x00\x00\xc0\x7f"), manifest],
      /NaN or infinity/u,
    ],
  ])("is refused for %s, with that reason", async (_what, arrange, message) => {
    const [bytes, itsManifest] = arrange();
    const attempt = createModelSession(new Uint8Array(bytes), itsManifest, loadOptions);
    await expect(attempt).rejects.toMatchObject({ code: "MODEL_INVALID" });
    await expect(attempt).rejects.toThrow(message);
  });
});
