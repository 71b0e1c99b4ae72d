import { readFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { ConfigurationError, describeCause } from "../src/errors.js";
import { version } from "../src/version.js";

describe("errors", () => {
  test("every code stands in the documented table, and no other does", async () => {
    const files = ["../src/errors.ts", "../src/http/request-error.ts"];
    const sources = files.map((file) => readFile(new URL(file, import.meta.url), "utf8"));
    const source = (await Promise.all(sources)).join("");
    const table = await readFile(new URL("../docs/errors.md", import.meta.url), "utf8");
    const inSource = [...source.matchAll(/^ {2}\| "([A-Z_]+)"/gmu)].map(([, code]) => code);
    const inTable = [...table.matchAll(/^\| `([A-Z_]+)`/gmu)].map(([, code]) => code);
    expect(inSource.length).toBeGreaterThan(30);
    expect(inTable.sort()).toEqual(inSource.sort());
  });

  test("a failure's message is one line with its four parts", () => {
    const error = new ConfigurationError("CONFIG_INVALID", {
      doing: "reading a\nfile",
      expected: "this",
      got: "that",
      fix: "Mend it",
    });
    expect(error.message).toBe("reading a file: expected this; got that. Mend it.");
    expect(error.name).toBe("ConfigurationError");
  });

  test("a cause is told by message and code, whatever was thrown", () => {
    expect(describeCause(Object.assign(new Error("no"), { code: "ENOENT" }))).toBe("ENOENT: no");
    expect(describeCause(new Error("ENOENT: no\n\nhere"))).toBe("ENOENT: no here");
    expect(describeCause({ code: "ECONNREFUSED", message: "" })).toBe("ECONNREFUSED");
    expect(describeCause({})).toBe("an unknown error");
    expect(describeCause("text")).toBe("text");
    expect(describeCause(undefined)).toBe("undefined");
  });
});

test("the version in the code is the package's", async () => {
  const json = await readFile(new URL("../package.json", import.meta.url), "utf8");
  expect(JSON.parse(json)).toMatchObject({ version });
});
