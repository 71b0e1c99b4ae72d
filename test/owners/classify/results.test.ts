import { describe, expect, test } from "@jest/globals";
import type { Result } from "../../../client/confml-client.js";
import { describeOutcome } from "../../../owners/classify/results.js";

const result: Result = {
  model: { name: "shapes", version: "1" },
  image: { width: 1, height: 1, format: "png", encrypted: true },
  predictions: [
    { rank: 1, index: 3, label: 'a "sports", car', probability: 0.9625 },
    { rank: 2, index: 0, label: "=cat", probability: 0.0004 },
  ],
};
const failure = { file: "b.jpg", error: { code: "IMAGE_UNSUPPORTED", message: "no picture" } };

describe("what confml classify prints for a picture", () => {
  test("as a table: percentages and bars in eighths of a character", () => {
    expect(describeOutcome({ file: "a.jpg", result }, "table")).toEqual([
      "a.jpg",
      `   96.3 %  ${"█".repeat(19)}▎  a "sports", car`,
      `    0.0 %  ${" ".repeat(20)}  =cat`,
      "",
    ]);
  });

  test("as a table without probabilities: labels in order", () => {
    const predictions = result.predictions.map(({ rank, index, label }) => ({
      rank,
      index,
      label,
    }));
    const lines = describeOutcome({ file: "a.jpg", result: { ...result, predictions } }, "table");
    expect(lines).toEqual(["a.jpg", '  a "sports", car', "  =cat", ""]);
  });

  test("as a table: a file's name cannot write over the terminal", () => {
    const [name] = describeOutcome({ file: "a\u{1b}[2Jb.jpg", result }, "table");
    expect(name).toBe("a\\u{1b}[2Jb.jpg");
  });

  test("as CSV: fields in quotes where they need them, and no formula for a spreadsheet", () => {
    expect(describeOutcome({ file: "a,b.jpg", result }, "csv")).toEqual([
      '"a,b.jpg",1,3,"a ""sports"", car",0.9625',
      '"a,b.jpg",2,0,\'=cat,0.0004',
    ]);
    expect(describeOutcome(failure, "csv")).toEqual([]);
  });

  test("as JSON: one object with the labels, the receipt where there is one, and failures", () => {
    const [line = ""] = describeOutcome(
      { file: "a.jpg", result: { ...result, receipt: "e.y.J" } },
      "json",
    );
    const { model, predictions } = result;
    expect(JSON.parse(line)).toEqual({ file: "a.jpg", model, predictions, receipt: "e.y.J" });
    expect(describeOutcome(failure, "json")).toEqual([JSON.stringify(failure)]);
  });
});
