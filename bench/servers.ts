import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { plainHost } from "../scripts/demo/host.js";
import type { Service } from "../scripts/demo/process.js";
import { loopback, projectFolder, setStage } from "../scripts/demo/stage.js";
import { pinned, startChild, type Child, type Command } from "./child.js";
import type { ModelFiles } from "./models.js";

/** A server that answers. */
export interface RunningServer {
  /** Its address, without a slash at its end. */
  origin: string;
  metricsUrl: string | undefined;
  pid: number;
  /** From its start to the first "ready", in milliseconds. */
  bootMs: number;
  stop(): Promise<void>;
}

/** A model, encrypted, on its owner's web host, with the keys in their vaults: a server may start. */
export interface StagedModel extends ModelFiles {
  start(cpus?: string): Promise<RunningServer>;
  /** As the data owner encrypts: AES-256-CBC. */
  imageKey: Buffer;
  emulator: Service;
}

const pollMs = 5;

/** @param folder of this model alone */
export async function stageModel(
  files: ModelFiles,
  folder: string,
  keysFolder: string,
): Promise<StagedModel> {
  const home = plainHost(folder);
  const { emulator, configFile, environment, imageKey } = await setStage({
    folder,
    keysFolder,
    model: files.model,
    manifest: { file: files.manifest },
    host: loopback,
    port: 0,
    refreshMs: 0,
    home,
    say: () => undefined,
    inference: { Model: { Format: files.format, Weights: files.weights } },
  });
  const command = await home.command(configFile);
  return {
    ...files,
    imageKey,
    emulator,
    start: (cpus) =>
      startServer(pinned(command, cpus), {
        // taskset is looked for there.
        PATH: process.env["PATH"] ?? "",
        ...home.environment,
        ...environment,
      }),
  };
}

async function startServer(
  command: Command,
  environment: Record<string, string>,
): Promise<RunningServer> {
  let metricsPort: unknown;
  const child = await startChild({
    command,
    environment,
    isReady: (entry) => {
      if (entry["msg"] === "metrics") metricsPort = entry["metricsPort"];
      return entry["msg"] === "listening";
    },
  });
  const server = await whenReady(child, "/v2/health/ready");
  return {
    ...server,
    metricsUrl:
      typeof metricsPort === "number" ? `http://${loopback}:${metricsPort}/metrics` : undefined,
  };
}

/** The plain server of baseline.ts, with the model unencrypted. */
export async function startBaseline(
  { model, manifest }: ModelFiles,
  keyFile: string,
): Promise<RunningServer> {
  const job = { model, manifest, key: keyFile };
  const program = join(projectFolder, "build/bench/baseline.js");
  const child = await startChild({
    command: [process.execPath, program, JSON.stringify(job)],
    environment: { NODE_ENV: "production" },
    isReady: (entry) => entry["msg"] === "listening",
  });
  return whenReady(child, "/health");
}

async function whenReady(child: Child, path: string): Promise<RunningServer> {
  const origin = `http://${loopback}:${String(child.ready["port"])}`;
  while (!(await fetch(`${origin}${path}`)).ok) await delay(pollMs);
  const bootMs = performance.now() - child.startedAt;
  return {
    origin,
    metricsUrl: undefined,
    pid: child.pid,
    bootMs,
    stop: () => child.stop(),
  };
}

/** @returns bytes: the most memory that a process ever had, and what it has now */
export async function readMemory(
  pid: number,
): Promise<{ peakBytes: number; steadyBytes: number } | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => undefined);
  if (status === undefined) return undefined;
  const bytesOf = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "mu").exec(status)?.[1]) * 1024;
  return { peakBytes: bytesOf("VmHWM"), steadyBytes: bytesOf("VmRSS") };
}
