import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { loadManifest, type Manifest } from "../../src/model/manifest.js";
import { createModelSession } from "../../src/model/session.js";
import { projectFolder } from "../helpers/server-process.js";

const folder = join(projectFolder, "test/fixtures/models");
let model: Buffer;
let manifest: Manifest;

beforeAll(async () => {
  model = await readFile(join(folder, "colours.onnx"));
  manifest = await loadManifest(join(folder, "colours.json"));
});

/** Takes the place of a text of the same length in the model's bytes. */
function replaced(from: string, to: string): Buffer {
  return Buffer.from(model.toString("latin1").replaceAll(from, to), "latin1");
}

describe("a model session", () => {
  test("answers with a row for each picture", async () => {
    const session = await createModelSession(model, manifest);
    const pixels = new Float32Array(2 * 3 * 32 * 32).fill(0.5, 3 * 32 * 32);
    const scores = await session.run(pixels, 2);
    expect([...scores]).toEqual([0, 0, 0, 5, 5, 5]);
    expect(session.fixedBatch).toBeUndefined();
    await session.release();
  });

  test.each<[string, () => [Buffer, Manifest], RegExp]>([
    ["nothing", () => [Buffer.alloc(0), manifest], /an ONNX model under the decryption/u],
    [
      "text",
      () => [Buffer.from("no model at all"), manifest],
      /an ONNX model under the decryption/u,
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
      "weights in another file",
      // TensorProto.data_location (field 14) = EXTERNAL, in an initialiser of a second graph field.
      () => [Buffer.concat([model, Buffer.from("3a042a027001", "hex")]), manifest],
      /external data/u,
    ],
    [
      "answers that are no numbers",
      // The factor of ten as a little-endian float becomes NaN.
      () => [replaced("\x00\x00\x20\x41", "\x00\x00\xc0\x7f"), manifest],
      /NaN or infinity/u,
    ],
  ])("is refused for %s, and says so", async (_what, arrange, message) => {
    const attempt = createModelSession(...arrange());
    await expect(attempt).rejects.toMatchObject({ code: "MODEL_INVALID" });
    await expect(attempt).rejects.toThrow(message);
  });
});
