import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { projectFolder } from "./markdown.js";

const folder = join(projectFolder, "docs/decisions");
const names = readdirSync(folder)
  .filter((name) => name !== "README.md")
  .sort();
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

describe("docs/decisions", () => {
  test("are numbered from 0001 on, without gaps", () => {
    const numbers = names.map((name) => name.slice(0, 5));
    expect(numbers).toEqual(names.map((_, index) => `${String(index + 1).padStart(4, "0")}-`));
  });

  test("are in the order of their dates", () => {
    const dates = names.map((name) => /^Date: (\d{4}-\d{2}-\d{2})$/mu.exec(read(name))?.[1]);
    expect(dates).toEqual([...dates].sort());
    expect(dates).not.toContain(undefined);
  });

  test.each(names)("%s has a context, a decision and consequences", (name) => {
    const headings = [...read(name).matchAll(/^## (.+)$/gmu)].map(([, heading]) => heading);
    expect(headings).toEqual(["Context", "Decision", "Consequences"]);
  });
});
