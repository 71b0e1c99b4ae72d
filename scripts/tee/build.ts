import { readFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeImage } from "../rootfs/image.js";
import { show } from "./command.js";
import { exitCodes, TeeFailure } from "./failure.js";
import { appFolder, imageFile, projectFolder } from "./places.js";

/**
 * Builds the TEE's file system anew, and its image: never what an earlier commit or configuration left.
 *
 * @param configFile the one that is to be in it
 * @returns the image's root hash
 */
export async function buildImage(configFile: string): Promise<string> {
  await show(join(projectFolder, "scripts/appdir.sh"), [], { cwd: projectFolder });
  await requireSame(configFile, join(appFolder, "app/config.json"));
  await mkdir(dirname(imageFile), { recursive: true });
  return makeImage({ folder: appFolder, image: imageFile, projectFolder });
}

/**
 * Mystikos reads one copy of the configuration, outside the file system, and the server the other.
 *
 * @throws TeeFailure
 */
export async function requireSame(configFile: string, inside: string): Promise<void> {
  const [one, other] = await Promise.all([readFile(configFile), readFile(inside)]);
  if (one.equals(other)) return;
  throw new TeeFailure(exitCodes.data, `${inside} is not the same as ${configFile}`, [
    "build the file system with CONFIG set to it",
  ]);
}
