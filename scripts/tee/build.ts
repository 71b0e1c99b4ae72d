import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeImage } from "../rootfs/image.js";
import { show } from "./command.js";
import { exitCodes, TeeFailure } from "./failure.js";
import { projectFolder } from "../project.js";
import { appFolder } from "./places.js";

/** What is measured and signed, made in one step: the image's hash and the configuration inside it. */
export interface Unsigned {
  /** 64 hex digits: the one image that the enclave mounts. */
  rootHash: string;
  configFile: string;
}

const hashName = "roothash";
const configName = "config.json";

/**
 * Builds the TEE's file system anew, and its image (`rootfs` in the folder): never what an earlier commit or
 * configuration left.
 *
 * @param configFile the one that is to be in it
 */
export async function buildUnsigned(folder: string, configFile: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await show(join(projectFolder, "scripts/appdir.sh"), [], { cwd: projectFolder });
  await requireSame(configFile, join(appFolder, "app/config.json"));
  await mkdir(folder, { recursive: true });
  const image = join(folder, "rootfs");
  const rootHash = await makeImage({ folder: appFolder, image, projectFolder });
  await copyFile(configFile, join(folder, configName));
  // The last file: where it is, all are.
  await writeFile(join(folder, hashName), `${rootHash}\n`);
}

/**
 * What `buildUnsigned` has made in a folder.
 *
 * @param configFile the one that is meant
 * @throws TeeFailure where there is none, or one of another configuration
 */
export async function readUnsigned(folder: string, configFile: string): Promise<Unsigned> {
  const text = await readFile(join(folder, hashName), "utf8").catch(() => "");
  const rootHash = text.trim();
  if (!/^[0-9a-f]{64}$/u.test(rootHash)) {
    const message = `there is no image to sign in ${folder}`;
    throw new TeeFailure(exitCodes.input, message, ["make unsigned makes it, without any key"]);
  }
  await requireSame(configFile, join(folder, configName));
  return { rootHash, configFile: join(folder, configName) };
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
