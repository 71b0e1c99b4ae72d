import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { configSchema } from "../../src/config/schema.js";
import { longestTimerMs, timerMs } from "../../src/bounds/timers.js";
import { projectFolder } from "../helpers/server-process.js";

describe("a timer's delay", () => {
  test.each([
    [-5, 0],
    [0.5, 0.5],
    [longestTimerMs, longestTimerMs],
    [longestTimerMs + 1, longestTimerMs],
    [1e300, longestTimerMs],
    [Infinity, longestTimerMs],
  ])("of %d is %d", (ms, kept) => {
    expect(timerMs(ms)).toBe(kept);
  });

  test("is a number", () => {
    expect(() => timerMs(NaN)).toThrow(/expected a delay/u);
  });
});

interface Setting {
  path: string[];
  holder: Record<string, unknown>;
  key: string;
}

function timesIn(value: unknown, path: string[] = []): Setting[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...(key.endsWith("Ms")
      ? [{ path: [...path, key], holder: value as Record<string, unknown>, key }]
      : []),
    ...timesIn(inner, [...path, key]),
  ]);
}

test("no time that a configuration may name is longer than a timer's", async () => {
  const file = await readFile(join(projectFolder, "config.json"), "utf8");
  const config = configSchema.parse(JSON.parse(file));
  const settings = timesIn(config);
  expect(settings.length).toBeGreaterThan(12);
  for (const { path, holder, key } of settings) {
    const before = holder[key];
    holder[key] = longestTimerMs + 1;
    expect({ path, accepted: configSchema.safeParse(config).success }).toEqual({
      path,
      accepted: false,
    });
    holder[key] = before;
  }
});
