import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { z } from "zod";
import { readImportRule } from "../../scripts/docs/import-table.js";
import { projectFolder } from "./markdown.js";

const { folders, packages } = readImportRule(
  readFileSync(join(projectFolder, "import-rule.json"), "utf8"),
);

const pattern = z.union([z.string(), z.array(z.string())]).optional();
const side = z.object({
  path: pattern,
  pathNot: pattern,
  dependencyTypesNot: z.array(z.string()).optional(),
});
const cruiser = z.object({
  forbidden: z.array(z.looseObject({ name: z.string(), from: side.loose(), to: side.loose() })),
});

/** dependency-cruiser's rules, those of them that look at paths alone. */
async function pathRules(): Promise<z.infer<typeof cruiser>["forbidden"]> {
  const url = pathToFileURL(join(projectFolder, ".dependency-cruiser.mjs")).href;
  const { default: config } = (await import(url)) as { default: unknown };
  const { forbidden } = cruiser.parse(config);
  return forbidden.filter(({ to }) => to.path !== undefined);
}

type Side = z.infer<typeof side>;
const rules = await pathRules();

/** The names of the rules that forbid an import. */
function forbiddenBy(from: string, to: string, kind: "value" | "type"): string[] {
  const matches = (which: Side["path"], path: string): boolean =>
    [which ?? []].flat().some((text) => new RegExp(text, "u").test(path));
  const within = (where: Side, path: string): boolean =>
    matches(where.path, path) && !matches(where.pathNot, path);
  return rules
    .filter(
      (rule) =>
        within(rule.from, from) &&
        within(rule.to, to) &&
        !(kind === "type" && (rule.to.dependencyTypesNot ?? []).includes("type-only")),
    )
    .map(({ name }) => name);
}

/** A file of a folder; a path of a file is one itself. */
const fileIn = (path: string): string => (path.endsWith(".ts") ? path : `${path}/some.ts`);
const paths = folders.flatMap((folder) => folder.paths);

describe("import-rule.json", () => {
  test("names each folder once, and only what is there", () => {
    expect(new Set(paths).size).toBe(paths.length);
    const named = folders.flatMap(({ paths: own, imports, types }) => [
      ...own,
      ...imports,
      ...types,
    ]);
    for (const path of [...named, ...Object.values(packages).flat()]) {
      expect([path, statSync(join(projectFolder, path), { throwIfNoEntry: false })]).not.toEqual([
        path,
        undefined,
      ]);
    }
  });

  test("says for every file what it may import", () => {
    const files = [
      "src",
      "owners",
      "client",
      "emulator",
      "scripts",
      "bench",
      "fuzz",
      "soak",
    ].flatMap((top) =>
      readdirSync(join(projectFolder, top), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts"))
        .map((name) => `${top}/${name}`),
    );
    expect(files.length).toBeGreaterThan(300);
    const isNamed = (file: string): boolean =>
      paths.some((path) => file === path || file.startsWith(`${path}/`));
    expect(files.filter((file) => !isNamed(file))).toEqual([]);
  });

  test.each(folders.map((folder) => [folder.paths.join(", "), folder] as const))(
    "%s: dependency-cruiser forbids what the rule does not allow, and nothing else",
    (_, { paths: own, imports, types }) => {
      const isIn = (path: string, list: readonly string[]): boolean =>
        list.some((entry) => path === entry || path.startsWith(`${entry}/`));
      for (const from of own.map(fileIn)) {
        for (const path of [...paths, "test/helpers", "models/demo"]) {
          if (isIn(path, own)) continue;
          const may = { value: isIn(path, imports), type: isIn(path, [...imports, ...types]) };
          for (const kind of ["value", "type"] as const) {
            const found = forbiddenBy(from, fileIn(path), kind);
            expect({ from, path, kind, allowed: found.length === 0 }).toEqual({
              ...{ from, path, kind, allowed: may[kind] },
            });
          }
        }
      }
    },
  );

  test.each(Object.entries(packages))("%s is imported in src only by %j", (name, allowed) => {
    const target = `node_modules/${name}/index.js`;
    for (const path of paths.filter((candidate) => candidate.startsWith("src/"))) {
      const isAllowed = allowed.includes(path);
      expect([path, forbiddenBy(fileIn(path), target, "value").length === 0]).toEqual([
        path,
        isAllowed,
      ]);
    }
    for (const path of allowed) expect(forbiddenBy(fileIn(path), target, "value")).toEqual([]);
  });
});
