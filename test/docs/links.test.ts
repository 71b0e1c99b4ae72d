import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { anchors, brokenLinks, linkTargets, markdownFiles, projectFolder } from "./markdown.js";

const files = markdownFiles();
const read = (file: string): string => readFileSync(join(projectFolder, file), "utf8");

describe("the documents", () => {
  test("are found, and link to each other", () => {
    expect(files).toEqual(expect.arrayContaining(["README.md", "docs/errors.md"]));
    expect(files.flatMap((file) => linkTargets(read(file))).length).toBeGreaterThan(30);
  });

  test.each(files)("%s: every relative link leads to a file, and to a heading of it", (file) => {
    expect(brokenLinks(file, read(file))).toEqual([]);
  });

  test("can all be reached from README.md", () => {
    const reached = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file) || !files.includes(file)) return;
      reached.add(file);
      for (const target of linkTargets(read(file))) {
        const [path = ""] = target.split("#");
        visit(join(file, "..", path));
      }
    };
    visit("README.md");
    const own = (file: string): boolean => !file.startsWith("test/fixtures/");
    expect(files.filter((file) => own(file) && !reached.has(file))).toEqual([]);
  });
});

describe("the check of links", () => {
  test("finds a missing file, a missing heading, and a file outside the project", () => {
    const text = "[a](none.md) [b](errors.md#none) [c](../../etc/passwd) [d](#none)\n";
    expect(brokenLinks("docs/page.md", text)).toEqual([
      "docs/page.md: none.md is not there",
      "docs/page.md: errors.md#none has no such heading",
      "docs/page.md: ../../etc/passwd leaves the project",
      "docs/page.md: #none has no such heading",
    ]);
  });

  test("leaves code and other hosts alone, and takes what is there", () => {
    const text =
      "# One `key`, one use\n\n`[a](none.md)`\n\n```js\nx[0](none)\n```\n\n" +
      "[b](https://example.com/none.md) [c](#one-key-one-use) [d](errors.md#errors)\n";
    expect(brokenLinks("docs/page.md", text)).toEqual([]);
  });

  test("makes anchors as GitHub does", () => {
    const text =
      "# A key, and who gets it\n## `kid`: one\n```sh\n# no heading\n```\n## Same\n## Same\n";
    expect([...anchors(text)]).toEqual(["a-key-and-who-gets-it", "kid-one", "same", "same-1"]);
  });
});
