import { z } from "zod";
import { table } from "./table.js";

const paths = z.array(z.string()).readonly();

const importRule = z.strictObject({
  folders: z.array(
    z.strictObject({
      /** Folders, or single TypeScript files. */
      paths,
      concern: z.string(),
      /** What they may import, of this repository. */
      imports: paths,
      /** What they may import types of. */
      types: paths.default([]),
    }),
  ),
  /** The only folders of src that may import a package. */
  packages: z.record(z.string(), paths),
});

export type ImportRule = z.infer<typeof importRule>;

/** Parses import-rule.json. @throws z.ZodError for a text that is not an import rule */
export function readImportRule(json: string): ImportRule {
  return importRule.parse(JSON.parse(json));
}

/** The two tables of ARCHITECTURE.md: what each folder may import, and who imports a package. */
export function renderImportRule({ folders, packages }: ImportRule): string {
  const folderRows = folders.map(({ paths, concern, imports, types }) => [
    paths.map(code).join(", "),
    concern,
    [...imports.map(short), ...types.map((path) => `${short(path)} (types)`)].join(", ") || "–",
  ]);
  const packageRows = Object.entries(packages).map(([name, allowed]) => [
    name,
    allowed.map(code).join(", "),
  ]);
  return [
    table(["folder", "concern", "may import of ours"], folderRows),
    table(["package", "imported in src only by"], packageRows),
  ].join("\n\n");
}

function code(path: string): string {
  return `\`${path}${path.endsWith(".ts") ? "" : "/"}\``;
}

/** Removes `src/` and `.ts` from a path, because the column is long. */
function short(path: string): string {
  return path.replace(/^src\//u, "").replace(/\.ts$/u, "");
}
