import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { pythonFloat, pythonString } from "../../src/http/python-repr.js";

const vectors = z
  .object({
    floats: z.array(z.tuple([z.number(), z.string()])),
    strings: z.array(z.tuple([z.string(), z.string()])),
  })
  .parse(JSON.parse(readFileSync(new URL("../vectors/python-repr.json", import.meta.url), "utf8")));

describe("Python's repr of", () => {
  test.each(vectors.floats)("the number %p is %s", (value, repr) => {
    expect(pythonFloat(value)).toBe(repr);
  });

  test("minus zero keeps its sign", () => {
    expect(pythonFloat(-0)).toBe("-0.0");
  });

  test.each(vectors.strings)("the text %j is %s", (text, repr) => {
    expect(pythonString(text)).toBe(repr);
  });
});
