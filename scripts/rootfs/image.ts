import { execFile } from "node:child_process";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { withoutSecrets } from "../tee/secrets.js";
import { makeExt2 } from "./ext2.js";
import { imageTrailer } from "./trailer.js";
import { buildHashTree } from "./verity.js";

export interface ImageOptions {
  /** What is to be the root of the file system. */
  folder: string;
  image: string;
  projectFolder: string;
}

/**
 * Makes the image that Mystikos mounts as its root: ext2, hash tree, trailer.
 *
 * @returns its root hash, 64 hex digits: what the enclave's measurement covers
 */
export async function makeImage({ folder, image, projectFolder }: ImageOptions): Promise<string> {
  const tools = await mkdtemp(join(tmpdir(), "confml-tools-"));
  try {
    const fetch = join(projectFolder, "scripts/debian/fetch.sh");
    const lock = join(projectFolder, "appdir/image.lock");
    const options = { cwd: projectFolder, env: withoutSecrets(process.env) };
    await promisify(execFile)(fetch, [lock, tools], options);
    await makeExt2(folder, image, tools);
  } finally {
    await rm(tools, { recursive: true });
  }
  const ext2 = await readFile(image);
  const { rootHash, bytes } = buildHashTree(ext2);
  await appendFile(image, Buffer.concat([bytes, imageTrailer(ext2.length, rootHash)]));
  return rootHash.toString("hex");
}
