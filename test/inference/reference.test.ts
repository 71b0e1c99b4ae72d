import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { configureDecoder } from "../../src/image/decode.js";
import { prepare } from "../helpers/decode.js";
import { OnnxClassifier } from "../../src/inference/onnx-classifier.js";
import { rank } from "../../src/inference/ranking.js";
import { createModelSession } from "../../src/inference/session.js";
import { projectFolder } from "../helpers/server-process.js";
import { loadOptions } from "../helpers/load-options.js";

/** Real ImageNet weights and photographs, which are not part of the project. */
const shared = join(projectFolder, "../shared");
const present = existsSync(join(shared, "models/squeezenet1.0-imagenet.onnx"));
if (!present) {
  process.stdout.write("skipped: reference.test.ts needs ../shared with real weights and photos\n");
}

const schema = z.object({
  top5: z.record(
    z.string(),
    z.array(z.object({ index: z.number(), label: z.string(), percent: z.number() })),
  ),
});
const reference = present
  ? schema.parse(JSON.parse(readFileSync(join(shared, "samples/reference.json"), "utf8"))).top5
  : {};
const preprocessing = {
  resize: 256,
  crop: 224,
  channels: "RGB",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const;

/** In percentage points; float32 sums in another order differ by less. */
const tolerance = 0.001;

(present ? describe : describe.skip)("SqueezeNet answers like PyTorch and torchvision:", () => {
  let classifier: OnnxClassifier;

  beforeAll(async () => {
    configureDecoder();
    const labels = readFileSync(join(shared, "models/imagenet-labels.txt"), "utf8");
    const session = await createModelSession(
      await readFile(join(shared, "models/squeezenet1.0-imagenet.onnx")),
      {
        name: "squeezenet",
        version: "1",
        input: { name: "input", shape: ["N", 3, 224, 224] },
        output: { name: "logits", type: "logits" },
        labels: labels.trim().split("\n"),
        preprocessing: {
          ...preprocessing,
          mean: [0.485, 0.456, 0.406],
          std: [0.229, 0.224, 0.225],
        },
      },
      loadOptions,
    );
    classifier = new OnnxClassifier({
      session,
      maxBatchDelayMs: 0,
      maxQueue: 8,
      onBatch: () => undefined,
      onFault: () => undefined,
    });
  });

  test.each(Object.entries(reference))("%s", async (name, wanted) => {
    const file = await readFile(join(shared, "samples", name));
    const { pixels } = await prepare(file, preprocessing);
    const { probabilities } = await classifier.classify(
      pixels,
      new AbortController().signal,
      undefined,
    );
    const predictions = rank(probabilities, classifier.model.labels, 5);
    expect(predictions.map(({ index, label }) => ({ index, label }))).toEqual(
      wanted.map(({ index, label }) => ({ index, label })),
    );
    predictions.forEach(({ probability }, at) => {
      const difference = Math.abs(probability * 100 - (wanted[at]?.percent ?? NaN));
      expect(difference).toBeLessThan(tolerance);
    });
  });
});
