import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json: the same from fuzz/ and from build/fuzz/. */
export const projectFolder = findProject(dirname(fileURLToPath(import.meta.url)));

function findProject(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : findProject(dirname(folder));
}

/** @param path from the project's folder */
export function projectFile(path: string): Buffer {
  return readFileSync(join(projectFolder, path));
}

/** The files of a folder whose names match, in the order of their names. */
export function projectFiles(folder: string, names: RegExp): Buffer[] {
  return readdirSync(join(projectFolder, folder))
    .filter((name) => names.test(name))
    .sort()
    .map((name) => projectFile(join(folder, name)));
}
