import { copyFile, mkdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import type { Command } from "../process/launch.js";
import { projectFolder } from "../project.js";
import { makeImage } from "../rootfs/image.js";
import { show } from "../tee/command.js";
import { bannerFor, say } from "./banner.js";

export const loopback = "127.0.0.1";

/** Where the server's files are: on this machine's file system, or in one of their own. */
export interface ServerLocation {
  /** The server's code, as this process sees it. The owners' release policies name its measurement. */
  codeFolder: string;
  /** Paths as the server sees them. */
  inside: {
    code: string;
    /** The emulated evidence provider. */
    evidence: string;
    /** The folder for its key files. */
    keys: string;
  };
  /** Makes a file available to the server. @returns the path as the server sees it */
  give: (file: string) => Promise<string>;
}

/** The platform that the demo's server runs on, and how it is started there. */
export interface Host extends ServerLocation {
  banner: string;
  environment: Record<string, string>;
  /** Called before `give`. */
  prepare: () => Promise<void>;
  /** Called after `give`. @returns the command that starts the server */
  command: (configFile: string) => Promise<Command>;
}

/** Node on this machine, without any TEE. */
export function plainHost(folder: string): Host {
  const codeFolder = join(projectFolder, "dist");
  return {
    banner: bannerFor("on plain Node, outside any TEE"),
    codeFolder,
    inside: {
      code: codeFolder,
      evidence: join(projectFolder, "build/emulator/evidence.js"),
      keys: folder,
    },
    environment: { NODE_ENV: "production" },
    prepare: () => Promise.resolve(),
    give: (file) => Promise.resolve(file),
    command: (configFile) =>
      Promise.resolve([process.execPath, join(codeFolder, "main.js"), "--config", configFile]),
  };
}

const evidenceFiles = ["evidence.js", "measurement.js", "sgx-quote.js"];
const configSchema = z.object({
  MemorySize: z.string(),
  ApplicationPath: z.string(),
  ApplicationParameters: z.array(z.string()),
});

/** Mystikos' Linux target: the TEE's file system, with the demo's files added, under its kernel, without an enclave. */
export function mystikosHost(myst: string, folder: string): Host {
  const root = join(folder, "root");
  const demo = join(root, "app/demo");
  return {
    banner: bannerFor("in Mystikos without SGX (its Linux target)"),
    codeFolder: join(root, "app/dist"),
    inside: { code: "/app/dist", evidence: "/app/demo/evidence.js", keys: "/" },
    environment: { PATH: process.env["PATH"] ?? "" },
    prepare: async () => {
      const appdir = join(projectFolder, "scripts/appdir.sh");
      await show(appdir, [root], { cwd: projectFolder });
      await mkdir(demo);
      for (const file of evidenceFiles) {
        await copyFile(join(projectFolder, "build/emulator", file), join(demo, file));
      }
    },
    give: async (file) => {
      await copyFile(file, join(demo, basename(file)));
      return `/app/demo/${basename(file)}`;
    },
    command: async (configFile) => {
      await copyFile(configFile, join(root, "app/config.json"));
      const image = join(folder, "rootfs");
      await makeImage({ folder: root, image, projectFolder });
      say("mystikos", "made the image of the file system");
      const config = configSchema.parse(JSON.parse(await readFile(configFile, "utf8")));
      return [
        ...([myst, "exec-linux"] as const),
        ...["--app-config-path", configFile, "--memory-size", config.MemorySize],
        ...[image, config.ApplicationPath, ...config.ApplicationParameters],
      ];
    },
  };
}
