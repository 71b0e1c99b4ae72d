import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { renderConfiguration } from "./configuration.js";
import { renderDecisions } from "./decisions.js";
import { readImportRule, renderImportRule } from "./import-table.js";
import { configJsonSchema, readJsonSchema } from "./json-schema.js";

const begin = "<!-- import-rule:begin -->";
const end = "<!-- import-rule:end -->";

/**
 * Every generated document, as it should be.
 *
 * @param folder of the project
 * @returns texts, formatted, by path below the folder
 */
export async function generateDocuments(folder: string): Promise<Map<string, string>> {
  const read = (file: string): Promise<string> => readFile(join(folder, file), "utf8");
  const schema = configJsonSchema();
  const rule = readImportRule(await read("import-rule.json"));
  const names = (await readdir(join(folder, "docs/decisions")))
    .filter((name) => name !== "README.md")
    .sort();
  const decisions = await Promise.all(
    names.map(async (name) => ({ name, text: await read(`docs/decisions/${name}`) })),
  );
  const texts = {
    "config.schema.json": JSON.stringify(schema),
    "docs/configuration.md": renderConfiguration(readJsonSchema(schema)),
    "docs/decisions/README.md": renderDecisions(decisions),
    "ARCHITECTURE.md": replaceBetweenMarks(await read("ARCHITECTURE.md"), renderImportRule(rule)),
  };
  const formatted = await Promise.all(
    Object.entries(texts).map(async ([file, text]): Promise<[string, string]> => {
      const filepath = join(folder, file);
      return [file, await format(text, { ...(await resolveConfig(filepath)), filepath })];
    }),
  );
  return new Map(formatted);
}

/** Replaces the generated part of a page, which is between two marks. @throws Error if the marks are missing */
export function replaceBetweenMarks(page: string, text: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) {
    throw new Error(`ARCHITECTURE.md: expected a line ${begin} and, below it, a line ${end}`);
  }
  return `${page.slice(0, from + begin.length)}\n\n${text}\n\n${page.slice(to)}`;
}
