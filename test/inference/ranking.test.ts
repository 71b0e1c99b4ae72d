import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { rank, softmax } from "../../src/inference/ranking.js";

describe("ranking", () => {
  test("orders by probability, and equal ones by index, with ranks from 1", () => {
    const probabilities = Float64Array.of(0.1, 0.4, 0.1, 0.4);
    expect(rank(probabilities, ["a", "b", "c", "d"], 3)).toEqual([
      { rank: 1, index: 1, label: "b", probability: 0.4 },
      { rank: 2, index: 3, label: "d", probability: 0.4 },
      { rank: 3, index: 0, label: "a", probability: 0.1 },
    ]);
  });
});

test("ranking few labels gives the beginning of the order of all, with ties by index", () => {
  const probabilities = Float64Array.from({ length: 200 }, (_, index) => ((index * 7) % 13) / 13);
  const labels = Array.from(probabilities, String);
  const order = [...probabilities.keys()].sort(
    (a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b,
  );
  for (const top of [1, 5, 32, 33, 199, 200, 500]) {
    const found = rank(probabilities, labels, top).map(({ index }) => index);
    expect(found).toEqual(order.slice(0, top));
  }
});

describe("softmax", () => {
  test("is correct for small numbers", () => {
    const [a, b] = softmax(Float32Array.of(0, Math.log(3)));
    expect(a).toBeCloseTo(0.25);
    expect(b).toBeCloseTo(0.75);
  });

  test("does not overflow, and has a sum of 1", () => {
    expect([...softmax(Float32Array.of(1e30, 0))]).toEqual([1, 0]);
    const logits = fc.array(fc.float({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(logits, (values) => {
        const sum = softmax(Float32Array.from(values)).reduce((x, y) => x + y, 0);
        return Math.abs(sum - 1) < 1e-9;
      }),
    );
  });
});
