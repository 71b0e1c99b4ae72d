import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectFolder } from "./server-process.js";

/** The files that a build needs. Built files are copied with their times, so that make does not build them again. */
const parts = [
  ...["Makefile", "package.json", "package-lock.json", ".npmrc", "config.json", "LICENSE"],
  ...[
    "tsconfig.json",
    "tsconfig.tools.json",
    "src",
    "owners",
    "client",
    "scripts",
    "emulator",
    "models",
    "appdir",
  ],
  ...["dist", "build"],
];
const built = ["appdir/root", "build/debian", "build/tee"].map((path) => join(projectFolder, path));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A copy of the project for tests that build, so that they do not affect other tests. */
export interface StagedProject {
  folder: string;
  /** The folder for temporary files, which must be empty in the end. */
  tmp: string;
  run(command: string[], environment?: Record<string, string>): Promise<Ended>;
  remove(): Promise<void>;
}

export async function stageProject(): Promise<StagedProject> {
  const stage = await mkdtemp(join(tmpdir(), "confml-project-"));
  const [folder, tmp] = [join(stage, "a project"), join(stage, "tmp")];
  await mkdir(folder);
  await mkdir(tmp);
  for (const part of parts) {
    await cp(join(projectFolder, part), join(folder, part), {
      recursive: true,
      preserveTimestamps: true,
      filter: (path) => !built.some((one) => path === one || path.startsWith(`${one}.`)),
    });
  }
  await symlink(join(projectFolder, "node_modules"), join(folder, "node_modules"));
  const { PATH = "", HOME = "" } = process.env;
  const inherited = { PATH, HOME, TMPDIR: tmp, DEBIAN_CACHE: join(projectFolder, "build/debian") };
  return {
    folder,
    tmp,
    run: ([program = "", ...words], environment = {}) =>
      new Promise((resolve, reject) => {
        const env = { ...inherited, ...environment };
        const child = spawn(program, words, {
          cwd: folder,
          env,
          stdio: ["ignore", "pipe", "pipe"],
        });
        const printed = { stdout: "", stderr: "" };
        for (const stream of ["stdout", "stderr"] as const) {
          child[stream].setEncoding("utf8").on("data", (text: string) => {
            printed[stream] += text;
          });
        }
        child.once("error", reject);
        child.once("close", (code) => {
          resolve({ code, ...printed });
        });
      }),
    remove: () => rm(stage, { recursive: true, force: true }),
  };
}
