import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deployFolder } from "./manifests.js";

/** What plays `az` and `kubectl`. */
const standIn = new URL("stand-in.sh", import.meta.url);

export const pictures = ["automotive.jpg", "dog.jpg", "strawberries.jpg"];

/** A value that must be nowhere but in the Secret. */
export const clientSecret = "s3cr3t=value #1 'quoted'";

export interface DemoRun {
  code: number | null;
  stdout: string;
  stderr: string;
  /** Each call of a stand-in: its name and arguments, paths in the script's own folder shortened. */
  calls: string[];
  /** What was piped into `kubectl create secret`. */
  secret: string | undefined;
  /** Files that were applied, in order. */
  applied: string[];
  /** The stand-ins' environments, and everything else that was written, but for that Secret. */
  written: string;
  /** What the script left in its folder of temporary files. */
  leftovers: string[];
  /** Of results.txt. */
  results: string | undefined;
  /** Whether the call `HANG_AT` outlived the script. */
  stillHanging: boolean;
}

export interface DemoOptions {
  /** Added to the script's environment; undefined takes a variable out. */
  environment?: Record<string, string | undefined>;
  args?: string[];
  /** Tools that are not on PATH. */
  without?: string[];
  /** Pictures that are not in SAMPLES. */
  withoutPictures?: string[];
  /** Is sent to the script while the call `HANG_AT` runs. */
  signal?: NodeJS.Signals;
}

/** Plays the demo with stand-ins for `az` and `kubectl`. */
export async function runDemo(options: DemoOptions = {}): Promise<DemoRun> {
  const { environment = {}, args = [], without = [], withoutPictures = [], signal } = options;
  const stage = await mkdtemp(join(tmpdir(), "confml-stage-"));
  try {
    const folders = {
      bin: join(stage, "bin"),
      samples: join(stage, "samples"),
      tmp: join(stage, "tmp"),
    };
    for (const folder of Object.values(folders)) await mkdir(folder);
    await writeFile(join(stage, "calls"), "");
    for (const tool of ["az", "kubectl"]) {
      if (!without.includes(tool)) {
        await cp(standIn, join(folders.bin, tool));
      }
    }
    await linkTools(folders.bin);
    for (const picture of pictures.map((name) => `${name}.encrypted`)) {
      if (!withoutPictures.includes(picture)) {
        await writeFile(join(folders.samples, picture), `encrypted ${picture}`);
      }
    }
    const child = spawn(join(deployFolder, "confml_aks_demo.sh"), args, {
      env: {
        PATH: folders.bin,
        TMPDIR: folders.tmp,
        KUBECONFIG: join(stage, "own-kubeconfig"),
        STAGE: stage,
        RESOURCE_GROUP: "group",
        CLUSTER_NAME: "cluster",
        IMAGE: "registry.example:5000/team/confml:1.2",
        SAMPLES: folders.samples,
        POLL_SECONDS: "0",
        TIMEOUT: "4",
        CLIENT_ID: "the-client",
        CLIENT_SECRET: clientSecret,
        APP_ID: "the-tenant",
        MHSM_AAD_URL: "https://managedhsm.azure.net",
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
    const printed = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed.stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      const before = printed.stderr.includes("HANGING");
      printed.stderr += text;
      if (signal !== undefined && !before && printed.stderr.includes("HANGING")) child.kill(signal);
    });
    const [code] = (await once(child, "close")) as [number | null];
    return { code, ...printed, ...(await look(stage, folders.tmp)) };
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

/** A PATH on which a test decides what is there. */
async function linkTools(folder: string): Promise<void> {
  const tools =
    "bash cat chmod cmp cp dirname env grep mkdir mkfifo mktemp paste rm sed tail wc".split(" ");
  for (const tool of tools) {
    for (const place of ["/bin", "/usr/bin"]) {
      await symlink(join(place, tool), join(folder, tool)).catch(() => undefined);
    }
  }
}

async function look(stage: string, tmp: string) {
  const names = await readdir(stage);
  const read = (name: string): Promise<string> => readFile(join(stage, name), "utf8");
  const numbered = (start: string): string[] =>
    names
      .filter((name) => name.startsWith(`${start}.`))
      .sort((a, b) => Number(a.split(".")[1]) - Number(b.split(".")[1]));
  const shorten = (line: string): string =>
    line.replaceAll(/\S*\/confml-demo\.\w+/gu, "WORK").replaceAll(stage, "STAGE");
  const calls = (await read("calls"))
    .split("\n")
    .filter((line) => line !== "")
    .map(shorten);
  const applied = await Promise.all(numbered("applied").map(read));
  const environments = await Promise.all(numbered("environment").map(read));
  const leftovers = await readdir(tmp);
  const results = leftovers.find((name) => name.startsWith("confml-results."));
  return {
    calls,
    applied,
    stillHanging: names.includes("hanging") && isRunning(Number(await read("hanging"))),
    secret: names.includes("secret") ? await read("secret") : undefined,
    written: [...calls, ...applied, ...environments].join("\n"),
    leftovers: leftovers.filter((name) => name !== results),
    results:
      results === undefined
        ? undefined
        : await readFile(join(tmp, results, "results.txt"), "utf8").catch(() => undefined),
  };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
