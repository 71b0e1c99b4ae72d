import { describe, expect, test } from "@jest/globals";
import { OnnxClassifier } from "../../src/inference/onnx-classifier.js";
import { rank } from "../../src/inference/ranking.js";
import type { ModelSession } from "../../src/inference/session.js";
import { coloursSession } from "../helpers/colours-model.js";

const never = new AbortController().signal;
const plane = 32 * 32;

/** A picture of one colour: red, green and blue from 0 to 1. */
function picture(...values: number[]): Uint8Array {
  return Uint8Array.from({ length: 3 * plane }, (_, index) => (values[index % 3] ?? 0) * 255);
}

function classifier(session: ModelSession): OnnxClassifier {
  return new OnnxClassifier({
    session,
    maxBatchDelayMs: 0,
    maxQueue: 100,
    onBatch: () => undefined,
    onFault: () => undefined,
  });
}

describe("the classifier", () => {
  test("converts logits to probabilities", async () => {
    const { probabilities } = await classifier(await coloursSession()).classify(
      picture(0.2, 0.4, 0),
      never,
      undefined,
    );
    const sum = Math.exp(2) + Math.exp(4) + 1;
    expect(probabilities[0]).toBeCloseTo(Math.exp(2) / sum, 6);
    expect(probabilities[1]).toBeCloseTo(Math.exp(4) / sum, 6);
    expect(probabilities[2]).toBeCloseTo(1 / sum, 6);
  });

  test("returns a model's probabilities unchanged", async () => {
    const session = await coloursSession();
    const { manifest } = session;
    const output = { ...manifest.output, type: "probabilities" as const };
    const { probabilities } = await classifier({
      ...session,
      manifest: { ...manifest, output },
    }).classify(picture(0.2, 0.4, 0.6), never, undefined);
    expect(probabilities[2]).toBeCloseTo(6, 4);
  });

  test.each([undefined, 1, 4])(
    "gives each of many pictures its own answer (batch %p)",
    async (fixedBatch) => {
      const session = await coloursSession();
      const runs: number[] = [];
      const model = classifier({
        ...session,
        fixedBatch,
        maxBatch: fixedBatch ?? session.maxBatch,
        run: (pictures) => {
          runs.push(pictures.length);
          return session.run(pictures);
        },
      });
      const labels = await Promise.all(
        Array.from({ length: 30 }, async (_, index) => {
          const pixels = picture(...[0, 1, 2].map((channel) => (channel === index % 3 ? 1 : 0)));
          const { probabilities } = await model.classify(pixels, never, undefined);
          return rank(probabilities, model.model.labels, 1)[0]?.label;
        }),
      );
      const wanted = Array.from({ length: 30 }, (_, index) => ["red", "green", "blue"][index % 3]);
      expect(labels).toEqual(wanted);
      expect(Math.max(...runs)).toBe(fixedBatch ?? 8);
    },
  );

  test("describes its model, with -1 for a batch of any size", async () => {
    expect(classifier(await coloursSession()).model).toEqual({
      name: "colours",
      version: "1",
      labels: ["red", "green", "blue"],
      input: { name: "pixels", shape: [-1, 3, 32, 32] },
      output: { name: "scores", shape: [-1, 3] },
    });
  });
});
