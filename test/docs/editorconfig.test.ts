import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { resolveConfig } from "prettier";
import { projectFolder } from "./markdown.js";

test.each(["src/main.ts", "README.md", "config.json", "eslint.config.mjs"])(
  ".editorconfig and prettier agree on %s",
  async (file) => {
    const path = join(projectFolder, file);
    const defaults = { tabWidth: 2, useTabs: false, endOfLine: "lf", printWidth: 100 };
    expect(await resolveConfig(path, { editorconfig: true })).toEqual(defaults);
    expect({ ...defaults, ...(await resolveConfig(path, { editorconfig: false })) }).toEqual(
      defaults,
    );
  },
);
