import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readFailure } from "../io/input.js";

const pictureNames = /\.(?:jpe?g|png|webp|gif|tiff?|avif)$/iu;

/**
 * @param what the word of the command's help that the paths were given for
 * @returns files as they are, and of folders the pictures in them, with all below, by name
 * @throws UsageError, CommandError
 */
export async function listPictures(paths: readonly string[], what: string): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) files.push(...(await listPath(path, what)));
  return files;
}

async function listPath(path: string, what: string): Promise<string[]> {
  const status = await stat(path).catch((cause: unknown) => {
    throw readFailure(path, what, cause);
  });
  if (!status.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && pictureNames.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}
