import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const projectFolder = fileURLToPath(new URL("../..", import.meta.url));

/** Folders that are built or installed, as .gitignore lists them. */
const notOurs = new Set([".git", "node_modules", "dist", "build", "coverage", ".demo"]);

/** Every Markdown file of the project, as a path below its folder. */
export function markdownFiles(folder = projectFolder): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !notOurs.has(name) && join(folder, name) !== join(appdir, "root"))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return markdownFiles(path);
      return entry.isFile() && entry.name.endsWith(".md") ? [relative(projectFolder, path)] : [];
    })
    .sort();
}

const appdir = join(projectFolder, "appdir");

/** The text without its code blocks. */
export function withoutCodeBlocks(markdown: string): string {
  return markdown.replace(/^```.*?^```$/gmsu, "");
}

/** The targets of the links and pictures of a text, in order. */
export function linkTargets(markdown: string): string[] {
  const text = withoutCodeBlocks(markdown).replace(/`[^`\n]*`/gu, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/gu)].map(([, target]) => target ?? "");
}

/** The anchors that GitHub makes of a text's headings. */
export function anchors(markdown: string): Set<string> {
  const found = new Map<string, number>();
  for (const [, heading = ""] of withoutCodeBlocks(markdown).matchAll(/^#{1,6} (.+)$/gmu)) {
    const slug = heading
      .trim()
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/gu, "$1")
      .replace(/[^\p{L}\p{N}\p{M} _-]/gu, "")
      .replaceAll(" ", "-");
    const before = found.get(slug);
    found.set(slug, (before ?? -1) + 1);
    if (before !== undefined) found.set(`${slug}-${before + 1}`, 0);
  }
  return new Set(found.keys());
}

/** What is wrong with the relative links of a file; empty where nothing is. */
export function brokenLinks(file: string, markdown: string): string[] {
  return linkTargets(markdown).flatMap((target) => {
    if (/^[a-z]+:/u.test(target)) return [];
    const problem = problemOf(target, file, markdown);
    return problem === undefined ? [] : [`${file}: ${target} ${problem}`];
  });
}

function problemOf(target: string, file: string, markdown: string): string | undefined {
  const [path = "", anchor] = target.split("#");
  let text = markdown;
  if (path !== "") {
    const full = resolve(projectFolder, dirname(file), path);
    if (relative(projectFolder, full).startsWith("..")) return "leaves the project";
    const found = statSync(full, { throwIfNoEntry: false });
    if (found === undefined) return "is not there";
    text = found.isFile() && anchor !== undefined ? readFileSync(full, "utf8") : "";
  }
  return anchor === undefined || anchors(text).has(anchor) ? undefined : "has no such heading";
}
