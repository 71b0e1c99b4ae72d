import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { projectFolder } from "../docs/markdown.js";

const read = (file: string): string => readFileSync(join(projectFolder, file), "utf8");

test("every code of a refusal stands in docs/refusals.md, and no other does", () => {
  const source = read("client/verification-error.ts");
  const inSource = [...source.matchAll(/^ {2}\| "([A-Z_]+)"/gmu)].map(([, code]) => code);
  const inTable = [...read("docs/refusals.md").matchAll(/^\| `([A-Z_]+)`/gmu)].map(
    ([, code]) => code,
  );
  expect(inSource.length).toBeGreaterThan(30);
  expect(inTable).toEqual(inSource);
});
