import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join, relative } from "node:path";

/**
 * The emulated MRENCLAVE: a hash of all files of a folder, by name and content. A real one is of the
 * memory that the hardware loaded; this one is of what lies on the disk, measured by the very code that
 * it is about, and proves nothing.
 *
 * @returns 64 hex digits
 */
export async function measureCode(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
  const hash = createHash("sha256");
  for (const file of files) {
    const content = await readFile(join(folder, file));
    // With its length before it, no name can be taken for content.
    hash.update(`${Buffer.byteLength(file)}:${file}${content.length}:`).update(content);
  }
  return hash.digest("hex");
}
