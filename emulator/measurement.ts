import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join, relative } from "node:path";

/**
 * The emulated MRENCLAVE: a hash of the names and contents of all files in a folder. A real one covers the memory that the
 * hardware loaded; this one covers files on a disk, is computed by the measured code itself, and proves nothing.
 *
 * @returns 64 hexadecimal digits
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
    // Lengths keep names and contents apart: no two folders give the same input to the hash.
    hash.update(`${Buffer.byteLength(file)}:${file}${content.length}:`).update(content);
  }
  return hash.digest("hex");
}
