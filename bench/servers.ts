import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { prepareDeployment } from "../scripts/demo/deployment.js";
import { loopback, plainHost } from "../scripts/demo/host.js";
import type { Command } from "../scripts/process/launch.js";
import { parseObject, startService, type Service } from "../scripts/process/service.js";
import { projectFolder } from "../scripts/project.js";
import { pinned } from "./child.js";
import type { ModelFiles } from "./models.js";

/** A server that is ready. */
export interface RunningServer {
  /** Without a slash at its end. */
  origin: string;
  metricsUrl: string | undefined;
  pid: number;
  /** From its start to the first successful health check, in milliseconds. */
  bootMs: number;
  stop(): Promise<void>;
}

/** A model for which emulated services run, so that servers can be started with it. */
export interface PreparedModel extends ModelFiles {
  /** @param cpus as `pinned` takes them */
  start(cpus?: string): Promise<RunningServer>;
}

const pollMs = 5;

/** Prepares a deployment for a model. @param folder for this model's files */
export async function prepareModel(
  files: ModelFiles,
  folder: string,
  keysFolder: string,
): Promise<PreparedModel> {
  const host = plainHost(folder);
  const { configFile, environment } = await prepareDeployment({
    folder,
    keysFolder,
    model: files.model,
    manifest: { file: files.manifest },
    host: loopback,
    port: 0,
    refreshMs: 0,
    location: host,
    say: () => undefined,
    inference: { Model: { Format: files.format, Weights: files.weights } },
  });
  const command = await host.command(configFile);
  return {
    ...files,
    start: (cpus) =>
      startServer(pinned(command, cpus), {
        // For taskset.
        PATH: process.env["PATH"] ?? "",
        ...host.environment,
        ...environment,
      }),
  };
}

async function startServer(
  command: Command,
  environment: Record<string, string>,
): Promise<RunningServer> {
  let metricsPort: unknown;
  const service = await startService({
    command,
    environment,
    discardsLog: true,
    onLine: (line) => {
      const entry = parseObject(line);
      if (entry["msg"] === "metrics") metricsPort = entry["metricsPort"];
      return entry["msg"] === "listening";
    },
  });
  const server = await whenReady(service, "/v2/health/ready");
  return {
    ...server,
    metricsUrl:
      typeof metricsPort === "number" ? `http://${loopback}:${metricsPort}/metrics` : undefined,
  };
}

/** Starts the plain server of baseline.ts, with the model unencrypted. */
export async function startBaseline(
  { model, manifest }: ModelFiles,
  keyFile: string,
): Promise<RunningServer> {
  const job = { model, manifest, key: keyFile };
  const program = join(projectFolder, "build/bench/baseline.js");
  const service = await startService({
    command: [process.execPath, program, JSON.stringify(job)],
    environment: { NODE_ENV: "production" },
    discardsLog: true,
    onLine: (line) => parseObject(line)["msg"] === "listening",
  });
  return whenReady(service, "/health");
}

async function whenReady(service: Service, path: string): Promise<RunningServer> {
  const { pid, ready, startedAt } = service;
  const origin = `http://${loopback}:${String(ready["port"])}`;
  while (!(await fetch(`${origin}${path}`)).ok) await delay(pollMs);
  const bootMs = performance.now() - startedAt;
  return {
    origin,
    metricsUrl: undefined,
    pid,
    bootMs,
    stop: () => service.stop(),
  };
}

/** @returns the peak and the present resident memory of a process in bytes; undefined without /proc */
export async function readMemory(
  pid: number,
): Promise<{ peakBytes: number; steadyBytes: number } | undefined> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => undefined);
  if (status === undefined) return undefined;
  const bytesOf = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "mu").exec(status)?.[1]) * 1024;
  return { peakBytes: bytesOf("VmHWM"), steadyBytes: bytesOf("VmRSS") };
}
