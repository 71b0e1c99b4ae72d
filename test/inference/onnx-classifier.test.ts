import { describe, expect, test } from "@jest/globals";
import { OnnxClassifier } from "../../src/inference/onnx-classifier.js";
import { rank } from "../../src/inference/ranking.js";
import type { ModelSession } from "../../src/model/session.js";
import { coloursSession } from "../helpers/colours-model.js";

const never = new AbortController().signal;
const plane = 32 * 32;

/** A picture whose planes hold the three given values. */
function picture(...values: number[]): Float32Array {
  const pixels = new Float32Array(3 * plane);
  values.forEach((value, channel) => pixels.fill(value, channel * plane, (channel + 1) * plane));
  return pixels;
}

function classifier(session: ModelSession): OnnxClassifier {
  return new OnnxClassifier({ session, maxBatch: 8, maxBatchDelayMs: 0, maxQueue: 100 });
}

describe("the classifier", () => {
  test("turns logits into probabilities", async () => {
    const { probabilities } = await classifier(await coloursSession()).classify(
      picture(0.1, 0.2, 0),
      never,
    );
    const sum = Math.exp(1) + Math.exp(2) + 1;
    expect(probabilities[0]).toBeCloseTo(Math.exp(1) / sum, 6);
    expect(probabilities[1]).toBeCloseTo(Math.exp(2) / sum, 6);
    expect(probabilities[2]).toBeCloseTo(1 / sum, 6);
  });

  test("leaves probabilities as they are", async () => {
    const session = await coloursSession();
    const { manifest } = session;
    const output = { ...manifest.output, type: "probabilities" as const };
    const { probabilities } = await classifier({
      ...session,
      manifest: { ...manifest, output },
    }).classify(picture(0.01, 0.02, 0.07), never);
    expect(probabilities[2]).toBeCloseTo(0.7, 6);
  });

  test.each([undefined, 1, 4])(
    "gives each of many pictures its own answer (batch %p)",
    async (fixedBatch) => {
      const session = await coloursSession();
      const runs: number[] = [];
      const model = classifier({
        ...session,
        fixedBatch,
        run: (pixels, batch) => {
          runs.push(batch);
          return session.run(pixels, batch);
        },
      });
      const labels = await Promise.all(
        Array.from({ length: 30 }, async (_, index) => {
          const pixels = picture(...[0, 1, 2].map((channel) => (channel === index % 3 ? 1 : 0)));
          const { probabilities } = await model.classify(pixels, never);
          return rank(probabilities, model.model.labels, 1)[0]?.label;
        }),
      );
      const wanted = Array.from({ length: 30 }, (_, index) => ["red", "green", "blue"][index % 3]);
      expect(labels).toEqual(wanted);
      if (fixedBatch === undefined) expect(Math.max(...runs)).toBe(8);
      else expect(new Set(runs)).toEqual(new Set([fixedBatch]));
    },
  );

  test("describes its model, -1 for a batch of any size", async () => {
    expect(classifier(await coloursSession()).model).toEqual({
      name: "colours",
      version: "1",
      labels: ["red", "green", "blue"],
      input: { name: "pixels", shape: [-1, 3, 32, 32] },
      output: { name: "scores", shape: [-1, 3] },
    });
  });
});
