import { describe, expect, test } from "@jest/globals";
import {
  highestRate,
  median,
  percentile,
  poissonArrivals,
  ratioWithinRounds,
  spread,
} from "../../bench/statistics.js";
import { Random } from "../../scripts/random.js";

describe("the median", () => {
  test("is the middle value, or the mean of the two in the middle", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 9, 1, 5])).toBe(7);
    expect(() => median([])).toThrow(RangeError);
  });

  test("sorts by value, not as text", () => {
    expect(median([100, 20, 3])).toBe(20);
  });
});

describe("a percentile", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  test("is the nearest rank", () => {
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.01)).toBe(7);
    expect(() => percentile([], 0.5)).toThrow(RangeError);
  });
});

describe("a spread", () => {
  test("has the median, the lowest and the highest value", () => {
    expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spread([])).toBeUndefined();
  });
});

describe("ratios", () => {
  test("are computed within rounds, so that changes between rounds do not count", () => {
    // Twice as fast in each round, on a machine that gets slower: the medians' ratio would be 20 / 9.
    const above = [40, 20, 2].map((value, index) => ({ round: index + 1, value }));
    const below = [20, 9, 1].map((value, index) => ({ round: index + 1, value }));
    expect(ratioWithinRounds(above, below)).toEqual({ median: 2, min: 2, max: 20 / 9 });
  });

  test("leave out rounds without one of the two", () => {
    const above = [
      { round: 1, value: 8 },
      { round: 2, value: 9 },
    ];
    expect(ratioWithinRounds(above, [{ round: 2, value: 3 }])?.median).toBe(3);
    expect(ratioWithinRounds(above, [{ round: 3, value: 3 }])).toBeUndefined();
  });
});

describe("Poisson arrivals", () => {
  const draw = (seed: string): number[] => {
    const random = new Random(seed);
    return poissonArrivals(50, 200, () => random.next());
  };

  test("are the same for the same seed", () => {
    expect(draw("a")).toEqual(draw("a"));
    expect(draw("a")).not.toEqual(draw("b"));
  });

  test("are in order, within the time, at the rate, with exponential gaps", () => {
    const arrivals = draw("a");
    const gaps = arrivals.map((time, index) => time - (arrivals[index - 1] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThan(0);
    expect(arrivals.at(-1)).toBeLessThan(200_000);
    // 10,000 of them, so that four standard deviations are 4 %.
    expect(arrivals.length).toBeGreaterThan(9600);
    expect(arrivals.length).toBeLessThan(10_400);
    // Of exponential gaps 1/e is longer than the mean of 20 ms.
    const longer = gaps.filter((gap) => gap > 20).length / gaps.length;
    expect(longer).toBeGreaterThan(0.35);
    expect(longer).toBeLessThan(0.386);
  });
});

describe("the search for the highest rate", () => {
  test("converges to the highest rate that is sustained", async () => {
    const tried: number[] = [];
    const found = await highestRate({ low: 0, high: 64, steps: 6 }, (rate) => {
      tried.push(rate);
      return Promise.resolve(rate <= 41);
    });
    expect(tried).toEqual([32, 48, 40, 44, 42, 41]);
    expect(found).toBe(41);
  });

  test("returns 0 if no rate is sustained", async () => {
    const found = await highestRate({ low: 10, high: 20, steps: 3 }, () => Promise.resolve(false));
    expect(found).toBe(0);
  });
});
