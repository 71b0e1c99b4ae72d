import { describe, expect, test } from "@jest/globals";
import { Random } from "../../scripts/random.js";
import { judgeGrowth, type Point } from "../../soak/verdict.js";

const requests = 20_000;
const every = 250;
const toleranceBytes = 8e6;

/** Bytes after so many requests, with noise of so many bytes of standard deviation. */
function series(bytes: (count: number) => number, noise = 0, seed = "noise"): Point[] {
  const random = new Random(seed);
  const normal = (): number => {
    let sum = 0;
    for (let index = 0; index < 12; index += 1) sum += random.next();
    return sum - 6;
  };
  return Array.from({ length: requests / every }, (_, index) => {
    const count = (index + 1) * every;
    return { requests: count, value: 300e6 + bytes(count) + noise * normal() };
  });
}

const kindOf = (points: Point[], tolerance = toleranceBytes): string =>
  judgeGrowth(points, tolerance).kind;
const seeds = Array.from({ length: 40 }, (_, index) => `seed ${index}`);

describe("a leak is found", () => {
  test("that grows with every request, and its size is told", () => {
    const verdict = judgeGrowth(
      series((count) => 2900 * count),
      toleranceBytes,
    );
    expect(verdict.kind).toBe("leaking");
    expect(verdict.growthPerRequest).toBeCloseTo(2900, -1);
  });

  test.each(seeds)("under noise (%s)", (seed) => {
    expect(kindOf(series((count) => 2900 * count, 2e6, seed))).toBe("leaking");
  });

  test("that grows in many small steps, as a table that is enlarged", () => {
    const step = (count: number): number => Math.floor(count / 1500) * 4e6;
    expect(kindOf(series(step, 1e6))).toBe("leaking");
  });

  test("beside something that settles", () => {
    const both = (count: number): number => 2900 * count + 50e6 * (1 - Math.exp(-count / 3000));
    expect(kindOf(series(both, 1e6))).toBe("leaking");
  });

  test("that grows ever faster", () => {
    expect(kindOf(series((count) => (count / requests) ** 2 * 60e6, 1e6))).toBe("leaking");
  });

  test("of one descriptor in a hundred requests", () => {
    expect(
      kindOf(
        series((count) => Math.floor(count / 100)),
        8,
      ),
    ).toBe("leaking");
  });
});

describe("no leak is found", () => {
  test.each(seeds)("in noise alone (%s)", (seed) => {
    expect(kindOf(series(() => 0, 6e6, seed))).not.toBe("leaking");
  });

  test("in what falls", () => {
    expect(kindOf(series((count) => -1000 * count, 1e6))).toBe("level");
  });

  test.each([500, 1500, 3000])("in a curve that settles within %d requests", (scale) => {
    const curve = (count: number): number => 150e6 * (1 - Math.exp(-count / scale));
    expect(kindOf(series(curve, 1e6))).not.toBe("leaking");
  });

  test.each([0.55, 0.6, 0.7, 0.8, 0.9, 0.97])("in one step after %d of the requests", (share) => {
    const step = (count: number): number => (count > share * requests ? 30e6 : 0);
    expect(kindOf(series(step, 1e6))).not.toBe("leaking");
  });

  test("in growth that the tolerance allows", () => {
    expect(kindOf(series((count) => 500 * count))).toBe("level");
    expect(
      kindOf(
        series((count) => 500 * count),
        1e6,
      ),
    ).toBe("leaking");
  });

  test("in outliers, as collections of garbage make them", () => {
    const spikes = (count: number): number => (count % 2000 === 0 ? 80e6 : 0);
    expect(kindOf(series(spikes, 1e6))).toBe("level");
  });
});

test("the first half counts for nothing: start and warm-up are in it", () => {
  const warm = (count: number): number => Math.min(count, requests / 2) * 20_000;
  expect(kindOf(series(warm, 1e6))).toBe("level");
});

test("too few points are refused", () => {
  expect(() => judgeGrowth(series(() => 0).slice(0, 10), 1)).toThrow(RangeError);
});
