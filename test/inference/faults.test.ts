import { describe, expect, test } from "@jest/globals";
import { findFault } from "../../src/inference/faults.js";

const findIn = (values: number[], type: "logits" | "probabilities" = "logits") =>
  findFault(Float32Array.from(values), type);

describe("scores of one picture", () => {
  test.each([[NaN], [Infinity], [-Infinity]])("with %p at any index are not finite", (value) => {
    for (const at of [0, 1, 2]) {
      const scores = [0.2, 0.3, 0.5];
      scores[at] = value;
      expect([findIn(scores), findIn(scores, "probabilities")]).toEqual([
        "not finite",
        "not finite",
      ]);
    }
    expect(findIn([Infinity, -Infinity])).toBe("not finite");
  });

  test("may be any finite numbers if they are logits", () => {
    const largest = 3.402_823_466e38;
    expect(findIn([-5, 0, 1e30])).toBeUndefined();
    expect(findIn(new Array<number>(1000).fill(largest))).toBeUndefined();
  });

  test("must be from 0 to 1 with a sum of 1 if they are probabilities", () => {
    expect(findIn([0.25, 0.75, 0], "probabilities")).toBeUndefined();
    expect(findIn([1.000_001, -0.000_001], "probabilities")).toBeUndefined();
    // Rounded to 8 bits.
    expect(findIn([0.25, 0.746, 0], "probabilities")).toBeUndefined();
    expect(findIn([0.25, 0.5], "probabilities")).toBe("no probabilities");
    expect(findIn([0.5, 0.55], "probabilities")).toBe("no probabilities");
    expect(findIn([1.5, -0.5], "probabilities")).toBe("no probabilities");
    expect(findIn([2, -0.5, -0.5], "probabilities")).toBe("no probabilities");
  });
});
