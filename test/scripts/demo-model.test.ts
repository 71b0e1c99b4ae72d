import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { configureDecoder } from "../../src/image/decode.js";
import { prepare } from "../helpers/decode.js";
import { OnnxClassifier } from "../../src/inference/onnx-classifier.js";
import { rank } from "../../src/inference/ranking.js";
import { loadManifest, type Manifest } from "../../src/model/manifest.js";
import { createModelSession } from "../../src/inference/session.js";
import { projectFolder } from "../helpers/server-process.js";
import { loadOptions } from "../helpers/load-options.js";

const modelFolder = join(projectFolder, "models/demo");
const never = new AbortController().signal;

/** Seeds that no training, no measurement and no demo picture has. */
const firstSeed = 7_000_000;
const picturesPerClass = 5;

/** In a process of its own: where the server's decoder is set up, SVG is closed for good. */
function draw(folder: string, ...options: string[]): void {
  const script = join(projectFolder, "build/scripts/demo-model/draw.js");
  const seed = ["--seed", String(firstSeed)];
  execFileSync(process.execPath, [script, "--out", folder, ...seed, ...options]);
}

describe("the demo model", () => {
  let folder = "";
  let manifest: Manifest;
  let classifier: OnnxClassifier;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "confml-pictures-"));
    draw(folder, "--count", String(picturesPerClass));
    configureDecoder();
    manifest = await loadManifest(join(modelFolder, "model.json"));
    const model = await readFile(join(modelFolder, "alexnet.onnx"));
    const session = await createModelSession(model, manifest, loadOptions);
    classifier = new OnnxClassifier({
      session,
      maxBatchDelayMs: 0,
      maxQueue: 8,
      onBatch: () => undefined,
      onFault: () => undefined,
    });
  });

  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test("knows at least 12 classes, and is small", async () => {
    expect(manifest.labels).toEqual((await readdir(folder)).sort());
    expect(manifest.labels.length).toBeGreaterThanOrEqual(12);
    expect(manifest.labels).toEqual(expect.arrayContaining(["dog", "sports car", "strawberry"]));
    const model = await readFile(join(modelFolder, "alexnet.onnx"));
    expect(model.length).toBeLessThanOrEqual(12_000_000);
  });

  test("is right on at least 95 % of pictures of unseen seeds, through the server's own path", async () => {
    let right = 0;
    let all = 0;
    for (const label of manifest.labels) {
      for (const name of await readdir(join(folder, label))) {
        const file = await readFile(join(folder, label, name));
        const { pixels } = await prepare(file, manifest.preprocessing);
        const { probabilities } = await classifier.classify(pixels, never, undefined);
        if (rank(probabilities, manifest.labels, 1)[0]?.label === label) right += 1;
        all += 1;
      }
    }
    expect(all).toBe(manifest.labels.length * picturesPerClass);
    expect(right / all).toBeGreaterThanOrEqual(0.95);
  });

  test("was trained on drawings that follow from their seeds", async () => {
    const other = await mkdtemp(join(tmpdir(), "confml-pictures-"));
    try {
      draw(other, "--count", "1", "--label", "dog");
      const picture = (where: string): Promise<Buffer> =>
        readFile(join(where, "dog", `${firstSeed}.jpg`));
      expect((await picture(other)).equals(await picture(folder))).toBe(true);
    } finally {
      await rm(other, { recursive: true });
    }
  });
});
