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

describe("npx confml", () => {
  const shown = markdownFiles().filter((file) => read(file).includes("$ npx confml "));

  test("is shown in the documents of the owners", () => {
    expect(shown).toEqual(expect.arrayContaining(["docs/keys.md", "docs/data-owner.md"]));
  });

  // Elsewhere npx would run a package of that name from the registry, which need not be this project's.
  test.each(shown)("%s says that it works only inside the checkout", (file) => {
    expect(read(file).replace(/\s+/gu, " ")).toContain(
      "`npx confml` works only inside this checkout, after `make`: " +
        "anywhere else npx would run whatever package has that name in the npm registry.",
    );
  });
});
