import { cpSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { projectFolder } from "../helpers/server-process.js";

/** One instruction of a Dockerfile, with continued lines joined. */
export interface Instruction {
  name: string;
  text: string;
}

/** The instructions of a stage, without its FROM. */
export function stageOf(dockerfile: string, stage: string): Instruction[] {
  const lines = dockerfile.replaceAll(/\\\n\s*/gu, "").split("\n");
  const instructions = lines.flatMap((line): Instruction[] => {
    const [, name, text] = /^([A-Z]+) (.*)$/u.exec(line) ?? [];
    return name === undefined || text === undefined ? [] : [{ name, text }];
  });
  const start = instructions.findIndex(
    ({ name, text }) => name === "FROM" && text.endsWith(` AS ${stage}`),
  );
  if (start < 0) throw new Error(`no stage ${stage}`);
  const rest = instructions.slice(start + 1);
  const end = rest.findIndex(({ name }) => name === "FROM");
  return end < 0 ? rest : rest.slice(0, end);
}

/**
 * Copies the build context to a folder: what .dockerignore does not exclude. The last pattern that matches a path or one
 * of its parents decides (docs.docker.com, "Build context", ".dockerignore files").
 */
export function copyContext(folder: string): void {
  const patterns = readFileSync(join(projectFolder, ".dockerignore"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => ({ letsIn: line.startsWith("!"), regexp: toRegExp(line.replace(/^!/u, "")) }));
  const isIn = (path: string): boolean =>
    patterns.findLast(({ regexp }) => regexp.test(path))?.letsIn ?? true;
  const never = new Set([".git", "node_modules", "dist", "build", "coverage", ".demo"]);
  const top = readdirSync(projectFolder).filter((name) => !never.has(name));
  for (const path of top.flatMap(filesBelow)) {
    if (!isIn(path)) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(projectFolder, path), join(folder, path));
  }
}

function filesBelow(path: string): string[] {
  if (path === "appdir/root" || path.startsWith("appdir/root.")) return [];
  const entries = readdirSync(join(projectFolder, dirname(path)), { withFileTypes: true });
  const entry = entries.find(({ name }) => path === join(dirname(path), name));
  if (entry?.isFile() === true) return [path];
  if (entry?.isDirectory() !== true) return [];
  return readdirSync(join(projectFolder, path)).flatMap((name) => filesBelow(join(path, name)));
}

function toRegExp(pattern: string): RegExp {
  const source = pattern
    .replaceAll(".", String.raw`\.`)
    .replaceAll("**/", "\0")
    .replaceAll("*", "[^/]*")
    .replaceAll("\0", "(?:.*/)?");
  return new RegExp(`^${source}(?:/|$)`, "u");
}
