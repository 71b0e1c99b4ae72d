import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { loadManifest } from "../../src/model/manifest.js";
import { projectFolder } from "../helpers/server-process.js";

let folder = "";
let colours = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "confml-manifest-"));
  colours = await readFile(join(projectFolder, "test/fixtures/models/colours.json"), "utf8");
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function load(change: object | string): ReturnType<typeof loadManifest> {
  const file = join(folder, "model.json");
  const text =
    typeof change === "string"
      ? change
      : JSON.stringify({ ...Object(JSON.parse(colours)), ...change });
  await writeFile(file, text);
  return loadManifest(file);
}

describe("a manifest", () => {
  test("of the demo model is valid", async () => {
    const file = join(projectFolder, "models/demo/model.json");
    await expect(loadManifest(file)).resolves.toMatchObject({ name: "alexnet-demo" });
  });

  test("may have labels with quotes and equal labels, as ImageNet has", async () => {
    const labels = ["jack-o'-lantern", "crane", "crane"];
    await expect(load({ labels })).resolves.toMatchObject({ labels });
  });

  const preprocessing = {
    resize: 36,
    crop: 32,
    channels: "RGB",
    mean: [0, 0, 0],
    std: [1, 1, 1],
  };

  test("may crop the whole short side", async () => {
    await expect(load({ preprocessing: { ...preprocessing, resize: 32 } })).resolves.toBeDefined();
  });

  test.each<[string, object | string, RegExp]>([
    ["invalid JSON", "{", /a readable JSON file/u],
    ["no labels", { labels: [] }, /labels/u],
    [
      "an empty label",
      { labels: ["a", ""] },
      /labels\[1\]: expected at least 1 characters; got ""/u,
    ],
    ["a name that cannot be part of a URL", { name: "a/b" }, /it stands in URLs/u],
    ["an unknown key", { lables: [] }, /lables/u],
    [
      "another number of channels",
      { input: { name: "x", shape: ["N", 1, 32, 32] } },
      /input\.shape\[1\]/u,
    ],
    [
      "a size unlike the crop",
      { input: { name: "x", shape: ["N", 3, 64, 32] } },
      /32 × 32, what preprocessing cuts; got 32 × 64/u,
    ],
    [
      "a width unlike the crop",
      { input: { name: "x", shape: ["N", 3, 32, 64] } },
      /32 × 32, what preprocessing cuts; got 64 × 32/u,
    ],
    ["an edge too long", { preprocessing: { ...preprocessing, resize: 4097 } }, /resize/u],
    [
      "a crop larger than the picture",
      { preprocessing: { ...preprocessing, resize: 31 } },
      /crop: expected at most preprocessing\.resize; got 32 of 31/u,
    ],
    [
      "a deviation of 0",
      { preprocessing: { ...preprocessing, std: [1, 0, 1] } },
      /preprocessing\.std\[1\]/u,
    ],
    ["two means", { preprocessing: { ...preprocessing, mean: [0, 0] } }, /preprocessing\.mean/u],
    ["unknown channels", { preprocessing: { ...preprocessing, channels: "YUV" } }, /channels/u],
    ["an output of an unknown type", { output: { name: "y", type: "scores" } }, /output\.type/u],
  ])("with %s is refused", async (_what, change, message) => {
    const attempt = load(change);
    await expect(attempt).rejects.toMatchObject({ code: "MANIFEST_INVALID" });
    await expect(attempt).rejects.toThrow(message);
  });

  test("that is another file, such as a key, is not repeated", async () => {
    for (const text of ["hunter2-hunter2", '{"a": hunter2}', `{"a": "${"b".repeat(99)}" hunter2`]) {
      await expect(load(text)).rejects.toThrow("expected a readable JSON file; got other text");
      await expect(load(text)).rejects.not.toThrow("hunter");
    }
  });

  test("that does not exist is refused", async () => {
    await expect(loadManifest(join(folder, "none.json"))).rejects.toThrow(/none\.json.*ENOENT/u);
  });
});
