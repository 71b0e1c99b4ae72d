import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { markdownFiles, projectFolder } from "./markdown.js";

const read = (file: string): string => readFileSync(join(projectFolder, file), "utf8");

describe("README.md", () => {
  test("has at most 1,200 words", () => {
    expect(read("README.md").split(/\s+/u).length).toBeLessThanOrEqual(1200);
  });

  test("says what it does not protect, and the commands, before its first section", () => {
    const [head = ""] = read("README.md").split("\n## ");
    expect(head).toContain("**What it does not protect:**");
    for (const command of ["make && make run", "make serve", "curl -F image=@"]) {
      expect(head).toContain(`$ ${command}`);
    }
    expect(head.split("\n").length).toBeLessThan(30);
  });
});

describe("the owners' commands", () => {
  const shown = markdownFiles().filter((file) =>
    /(?:^|\W)confml (?:encrypt|decrypt|key) /mu.test(read(file)),
  );
  const ran = shown.filter((file) => read(file).includes("npx"));

  test("are shown in the documents of the owners", () => {
    expect(ran).toEqual(expect.arrayContaining(["docs/keys.md", "docs/data-owner.md"]));
  });

  // Without this option npx would run a package of that name from the registry, which is not this project's.
  test.each(markdownFiles())("are run in %s with --no-install alone", (file) => {
    const calls = [...read(file).matchAll(/npx(?: -\S+)* @?confml[\w/]*/gu)].map(([call]) => call);
    expect(calls.filter((call) => call !== "npx --no-install confml")).toEqual([]);
  });

  test.each(ran)("are explained in %s", (file) => {
    expect(read(file).replace(/\s+/gu, " ")).toContain(
      "`npx --no-install confml` runs in this checkout, after `make`, or where ",
    );
  });
});
