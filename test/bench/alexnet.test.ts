import { beforeAll, describe, expect, test } from "@jest/globals";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { z } from "zod";
import { alexNetManifest, buildAlexNet } from "../../bench/alexnet.js";

/** torchvision's: sum(p.numel() for p in alexnet().parameters()). */
const torchvisionParameters = 61_100_840;
const labelsSchema = z.object({ labels: z.array(z.string()) });

describe("AlexNet", () => {
  let model: Uint8Array;

  beforeAll(() => {
    model = buildAlexNet();
  });

  test("has torchvision's number of parameters, and a label for each output", () => {
    const bytes = model.length - torchvisionParameters * Float32Array.BYTES_PER_ELEMENT;
    // What is left names the layers.
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(5000);
    const { labels } = labelsSchema.parse(alexNetManifest());
    expect(new Set(labels).size).toBe(1000);
  });

  test("gives scores that depend on the picture", async () => {
    const session = await InferenceSession.create(model);
    const pixels = new Float32Array(2 * 3 * 224 * 224).fill(0.5, 3 * 224 * 224);
    const { output } = await session.run({ input: new Tensor(pixels, [2, 3, 224, 224]) });
    await session.release();
    expect(output?.dims).toEqual([2, 1000]);
    const scores = z.instanceof(Float32Array).parse(output?.data);
    expect(scores.every(Number.isFinite)).toBe(true);
    expect([...scores.subarray(0, 1000)]).not.toEqual([...scores.subarray(1000)]);
  });
});
