import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectFolder } from "../scripts/project.js";

export const corpusFolder = join(projectFolder, "fuzz/corpus");

/** Reads the inputs that are kept for a target, in the order of their file names. */
export async function readCorpus(name: string, folder = corpusFolder): Promise<Buffer[]> {
  const files = await readdir(join(folder, name)).catch(() => []);
  return Promise.all(files.sort().map((file) => readFile(join(folder, name, file))));
}

/** Keeps an input for a target. @returns the file, whose name is a hash of the input */
export async function keepInput(
  name: string,
  input: Uint8Array,
  folder = corpusFolder,
): Promise<string> {
  const hash = createHash("sha256").update(input).digest("hex").slice(0, 16);
  await mkdir(join(folder, name), { recursive: true });
  const file = join(folder, name, hash);
  await writeFile(file, input);
  return file;
}
