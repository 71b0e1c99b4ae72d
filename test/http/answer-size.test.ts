import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { AnswerSize } from "../../src/http/answer-size.js";
import { toJson } from "../../src/http/answer.js";

/** Numbers that JavaScript writes with the most characters. */
const number = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(1.2345678901234567e-123, 2.2250738585072014e-308, 0.12345678901234568),
);

describe("the padded length of an encrypted answer", () => {
  test("is at least every answer's, and depends on `top` but not on the picture", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary", maxLength: 40 }), { minLength: 1, maxLength: 300 }),
        fc.string({ maxLength: 60 }),
        fc.nat(),
        number,
        number,
        fc.constantFrom("jpeg", "png", "webp", "gif", "tiff", "heif"),
        (labels, name, seed, probability, tookMs, format) => {
          const size = new AnswerSize({ name, version: name, labels });
          const top = (seed % labels.length) + 1;
          const bytes = size.paddedBytes(top);
          const longest = labels
            .map((label, index) => ({ rank: index + 1, index, label, probability }))
            .sort((a, b) => b.label.length - a.label.length)
            .slice(0, top);
          const json = JSON.stringify(
            toJson({
              model: { name, version: name },
              image: { width: 268_402_689, height: 268_402_689, format, encrypted: true },
              predictions: longest,
              probabilities: true,
              timings: { queueMs: tookMs * 1e6, decodeMs: 86_400_000.123, inferenceMs: tookMs },
            }),
          );
          expect(bytes).toBeGreaterThanOrEqual(Buffer.byteLength(json));
          expect(bytes % 4096).toBe(0);
          const receipt = "r".repeat(seed % 5000);
          const whole = JSON.stringify({ ...(JSON.parse(json) as object), receipt });
          const receiptedBytes = size.paddedBytes(top, receipt);
          expect(receiptedBytes % 4096).toBe(0);
          expect(receiptedBytes).toBeGreaterThanOrEqual(Buffer.byteLength(whole));
        },
      ),
    );
  });

  test("is computed from the model's longest labels, not from its first ones", () => {
    const labels = ["a", "b", "c".repeat(3000), "d".repeat(3000)];
    const size = new AnswerSize({ name: "m", version: "1", labels });
    expect([1, 2, 3, 4].map((top) => size.paddedBytes(top))).toEqual([4096, 8192, 8192, 8192]);
  });

  test("is 4,096 bytes for the default of five labels", () => {
    const labels = Array.from({ length: 1000 }, (_, index) => `a label of usual length ${index}`);
    expect(new AnswerSize({ name: "net", version: "1", labels }).paddedBytes(5)).toBe(4096);
  });
});
