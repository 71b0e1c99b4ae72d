import { describe, expect, test } from "@jest/globals";
import { sameAnswer } from "../../bench/answers.js";

const answer = (...lines: string[]): string =>
  ["file inferenced successfully.", "Return top 2 inference results:", ...lines].join("\n");
const reference = answer("\t('class 001', 60.25)", "\t('class 002', 12.5)");

describe("two answers", () => {
  test("are equal if only the last bits differ", () => {
    const other = answer("\t('class 001', 60.25000001)", "\t('class 002', 12.4999998)");
    expect(sameAnswer(reference, other)).toBe(true);
  });

  test("differ if a label or a percentage differs", () => {
    const label = answer("\t('class 001', 60.25)", "\t('class 003', 12.5)");
    const percentage = answer("\t('class 001', 60.25)", "\t('class 002', 12.6)");
    const fewer = answer("\t('class 001', 60.25)");
    for (const other of [label, percentage, fewer, "", "INTERNAL: something went wrong"]) {
      expect(sameAnswer(reference, other)).toBe(false);
    }
  });

  test("are never equal to an error, which has no percentages", () => {
    expect(sameAnswer("OVERLOADED: a", "OVERLOADED: b")).toBe(false);
  });
});
