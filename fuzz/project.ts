import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../scripts/project.js";

/** Reads a file. @param path relative to the project's folder */
export function projectFile(path: string): Buffer {
  return readFileSync(join(projectFolder, path));
}

/** Reads the files of a folder whose names match, in the order of their names. */
export function projectFiles(folder: string, names: RegExp): Buffer[] {
  return readdirSync(join(projectFolder, folder))
    .filter((name) => names.test(name))
    .sort()
    .map((name) => projectFile(join(folder, name)));
}
