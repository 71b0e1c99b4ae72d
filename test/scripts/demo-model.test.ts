import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { SUBJECTS, subjectOf } from "../../scripts/demo-model/classes.js";
import { drawPicture } from "../../scripts/demo-model/render.js";
import { configureDecoder } from "../../src/image/decode.js";
import { prepareImage } from "../../src/image/preprocess.js";
import { OnnxClassifier } from "../../src/inference/onnx-classifier.js";
import { rank } from "../../src/inference/ranking.js";
import { loadManifest, type Manifest } from "../../src/model/manifest.js";
import { createModelSession } from "../../src/model/session.js";
import { projectFolder } from "../helpers/server-process.js";

const folder = join(projectFolder, "models/demo");
const never = new AbortController().signal;

/** Seeds that no training, no measurement and no demo picture has. */
const firstSeed = 7_000_000;
const picturesPerClass = 4;

interface Labelled {
  label: string;
  file: Buffer;
}

describe("the demo model", () => {
  const pictures: Labelled[] = [];
  let again: Buffer;
  let manifest: Manifest;
  let classifier: OnnxClassifier;

  beforeAll(async () => {
    for (const subject of SUBJECTS) {
      for (let seed = firstSeed; seed < firstSeed + picturesPerClass; seed += 1) {
        pictures.push({ label: subject.label, file: await drawPicture(subject, seed) });
      }
    }
    again = await drawPicture(subjectOf(pictures[0]?.label ?? ""), firstSeed);
    // From here on SVG, of which pictures are drawn, is closed.
    configureDecoder();
    manifest = await loadManifest(join(folder, "model.json"));
    const session = await createModelSession(
      await readFile(join(folder, "alexnet.onnx")),
      manifest,
    );
    classifier = new OnnxClassifier({ session, maxBatch: 8, maxBatchDelayMs: 0, maxQueue: 8 });
  });

  test("knows at least 12 classes, and is small", async () => {
    expect(manifest.labels).toEqual(SUBJECTS.map(({ label }) => label).sort());
    expect(manifest.labels.length).toBeGreaterThanOrEqual(12);
    expect(manifest.labels).toEqual(expect.arrayContaining(["dog", "sports car", "strawberry"]));
    expect((await readFile(join(folder, "alexnet.onnx"))).length).toBeLessThanOrEqual(12_000_000);
  });

  test("is right on at least 95 % of pictures of unseen seeds, through the server's own path", async () => {
    let right = 0;
    for (const { label, file } of pictures) {
      const { pixels } = await prepareImage(file, manifest.preprocessing, 1_000_000);
      const { probabilities } = await classifier.classify(pixels, never);
      if (rank(probabilities, manifest.labels, 1)[0]?.label === label) right += 1;
    }
    expect(pictures).toHaveLength(16 * picturesPerClass);
    expect(right / pictures.length).toBeGreaterThanOrEqual(0.95);
  });

  test("was trained on drawings that follow from their seeds", () => {
    expect(again.equals(pictures[0]?.file ?? Buffer.alloc(0))).toBe(true);
  });
});
