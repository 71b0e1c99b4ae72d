import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeImage } from "../rootfs/image.js";
import { show } from "./command.js";
import { exitCodes, CommandFailure } from "../exit.js";
import { projectFolder } from "../project.js";
import { appFolder } from "./places.js";

/** What `buildUnsigned` makes for measuring and signing. */
export interface Unsigned {
  /** 64 hex digits: the root hash of the only image that the enclave mounts. */
  rootHash: string;
  /** A copy of the configuration in the image. */
  configFile: string;
}

const hashName = "roothash";
const configName = "config.json";

/**
 * Builds the TEE's file system and its image (`rootfs` in the folder). It deletes the folder first, so that nothing of
 * an earlier commit or configuration remains.
 *
 * @param configFile the configuration to put into the file system
 * @throws CommandFailure if a build step fails, or the file system has another configuration
 */
export async function buildUnsigned(folder: string, configFile: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await show(join(projectFolder, "scripts/appdir.sh"), [], { cwd: projectFolder });
  await requireSame(configFile, join(appFolder, "app/config.json"));
  await mkdir(folder, { recursive: true });
  const image = join(folder, "rootfs");
  const rootHash = await makeImage({ folder: appFolder, image, projectFolder });
  await copyFile(configFile, join(folder, configName));
  // Written last: if this file exists, the others are complete.
  await writeFile(join(folder, hashName), `${rootHash}\n`);
}

/**
 * Finds what `buildUnsigned` has made in a folder.
 *
 * @param configFile the configuration it must have been made with
 * @throws CommandFailure if the folder has no image, or one with another configuration
 */
export async function readUnsigned(folder: string, configFile: string): Promise<Unsigned> {
  const text = await readFile(join(folder, hashName), "utf8").catch(() => "");
  const rootHash = text.trim();
  if (!/^[0-9a-f]{64}$/u.test(rootHash)) {
    const message = `there is no image to sign in ${folder}`;
    throw new CommandFailure(exitCodes.input, message, ["make unsigned makes it, without any key"]);
  }
  await requireSame(configFile, join(folder, configName));
  return { rootHash, configFile: join(folder, configName) };
}

/**
 * Compares two copies of the configuration: Mystikos reads the one outside the file system, the server the one inside.
 *
 * @throws CommandFailure if they differ
 */
export async function requireSame(configFile: string, inside: string): Promise<void> {
  const [one, other] = await Promise.all([readFile(configFile), readFile(inside)]);
  if (one.equals(other)) return;
  throw new CommandFailure(exitCodes.data, `${inside} is not the same as ${configFile}`, [
    "build the file system with CONFIG set to it",
  ]);
}
