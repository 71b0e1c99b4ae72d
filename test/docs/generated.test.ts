import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { renderConfiguration } from "../../scripts/docs/configuration.js";
import { renderDecisions } from "../../scripts/docs/decisions.js";
import { generateDocuments, replaceBetweenMarks } from "../../scripts/docs/documents.js";
import {
  configJsonSchema,
  readJsonSchema,
  type ShownSchema,
} from "../../scripts/docs/json-schema.js";
import { projectFolder } from "./markdown.js";

const read = (file: string): string => readFileSync(join(projectFolder, file), "utf8");
const generated = await generateDocuments(projectFolder);

describe("the generated documents", () => {
  test.each([...generated])("%s is current (else: make docs)", (file, text) => {
    expect(read(file)).toBe(text);
  });

  test("are the four that are known", () => {
    expect([...generated.keys()].sort()).toEqual([
      "ARCHITECTURE.md",
      "config.schema.json",
      "docs/configuration.md",
      "docs/decisions/README.md",
    ]);
  });

  test("ARCHITECTURE.md's table needs both marks, in their order", () => {
    const begin = "<!-- import-rule:begin -->";
    const end = "<!-- import-rule:end -->";
    expect(replaceBetweenMarks(`a\n${begin}\nold\n${end}\nb`, "new")).toBe(
      `a\n${begin}\n\nnew\n\n${end}\nb`,
    );
    expect(() => replaceBetweenMarks(`${end}\n${begin}`, "new")).toThrow("expected a line");
    expect(() => replaceBetweenMarks(begin, "new")).toThrow("expected a line");
  });

  test("the list of decisions refuses a page without a title or a date", () => {
    const name = "0001-a.md";
    expect(renderDecisions([{ name, text: "# A\n\nDate: 2026-11-23\n\n" }])).toContain(
      "| 0001 | 2026-11-23 | [A](0001-a.md) |",
    );
    for (const text of ["# A\n\nyesterday\n", "Date: 2026-11-23\n"]) {
      expect(() => renderDecisions([{ name, text }])).toThrow(`docs/decisions/${name}`);
    }
  });
});

describe("docs/configuration.md", () => {
  const schema = readJsonSchema(configJsonSchema());

  test("has a row for every key of the schema", () => {
    const page = generated.get("docs/configuration.md") ?? "";
    const keys = leaves(schema);
    expect(keys.length).toBeGreaterThan(60);
    for (const key of keys) expect(page).toMatch(new RegExp(`^\\| \`${key}\` +\\|`, "mu"));
  });

  test("is not written where a key has no description", () => {
    const bare = { ...schema, properties: { Key: { type: "string", required: [] } } };
    expect(() => renderConfiguration(bare)).toThrow("expected a description of Key");
  });

  test("shows limits, choices, multiples, defaults and what must be given", () => {
    const page = generated.get("docs/configuration.md") ?? "";
    const rowOf = (key: string): string[] =>
      (page.split("\n").find((line) => line.startsWith(`| \`${key}\` `)) ?? "")
        .split("|")
        .slice(2, 4)
        .map((cell) => cell.trim());
    expect(rowOf("GraceMs")).toEqual(["0 to 2,147,483,647", "86,400,000"]);
    expect(rowOf("DecodeTimeoutMs")).toEqual(["1000 to 3,600,000, a multiple of 1000", "15,000"]);
    expect(rowOf("Weights")).toEqual(["`packed`, `in-place`", '`"packed"`']);
    // A new format needs no change here.
    expect(rowOf("Formats")).toEqual([
      expect.stringMatching(/^array of `plain`, `encrypted`/u),
      '`["jwe"]`',
    ]);
    expect(rowOf("Sha256")).toEqual(["string", ""]);
    expect(rowOf("LegacyKey")).toEqual(["string", "optional"]);
    expect(rowOf("MaxBytesInFlight")).toEqual(["1 or more", "268,435,456"]);
  });
});

/** The keys that are no objects of their own. */
function leaves(schema: ShownSchema): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
    const inner = leaves(value.items ?? value);
    return inner.length === 0 ? [key] : inner;
  });
}

describe("config.schema.json", () => {
  const schema = z.fromJSONSchema(
    JSON.parse(read("config.schema.json")) as Record<string, unknown>,
  );
  const config = JSON.parse(read("config.json")) as { Inference: Record<string, unknown> };

  test("takes the committed config.json", () => {
    expect(schema.safeParse(config).error).toBeUndefined();
  });

  test.each([
    ["an unknown key", { Limitz: {} }],
    ["a value out of range", { Limits: { MaxBatch: 0 } }],
    ["a wrong type", { Results: { MaxTop: "1" } }],
    ["another choice", { Results: { Encrypt: "sometimes" } }],
  ])("marks %s under Inference", (_, change) => {
    const changed = { ...config, Inference: { ...config.Inference, ...change } };
    expect(schema.safeParse(changed).success).toBe(false);
  });
});
