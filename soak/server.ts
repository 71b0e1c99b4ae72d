import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelFiles } from "../bench/models.js";
import { onEnd } from "./cleanup.js";
import { prepareDeployment } from "../scripts/demo/deployment.js";
import { loopback, plainHost } from "../scripts/demo/host.js";
import { parseObject, startService, type Service } from "../scripts/process/service.js";
import { projectFolder } from "../scripts/project.js";
import type { Keys } from "./uploads.js";
import { WatchedProcess } from "./watched-process.js";

/** The demo's emulator and server, with a probe in the server (probe.ts). */
export interface SoakServer {
  service: Service;
  port: number;
  metricsPort: number;
  keys: Keys;
  watched: WatchedProcess;
  /** The last lines of standard error that are not the probe's. */
  errors: readonly string[];
  stop(): Promise<void>;
}

export interface SoakServerOptions {
  /** Settings of Inference.Limits that replace config.json's. */
  limits?: Readonly<Record<string, unknown>>;
  /** The start of the command, before `node`: it moves the process into a memory group. */
  wrapper?: readonly string[];
  /** Replaces the demo's. */
  model?: ModelFiles | undefined;
}

const keptLines = 20;

/** Starts emulator and server on free ports of loopback. */
export async function startSoakServer(options: SoakServerOptions = {}): Promise<SoakServer> {
  const { limits, model, wrapper = [] } = options;
  const folder = await mkdtemp(join(tmpdir(), "confml-soak-"));
  const host = plainHost(folder);
  const services: Service[] = [];
  const stop = onEnd(async () => {
    for (const service of services.splice(0).reverse()) await service.stop();
    await rm(folder, { recursive: true, force: true });
  });
  try {
    const deployment = await prepareDeployment({
      ...{ folder, keysFolder: join(folder, "owners"), location: host, host: loopback, port: 0 },
      model: model?.model ?? join(projectFolder, "models/demo/alexnet.onnx"),
      manifest: { file: model?.manifest ?? join(projectFolder, "models/demo/model.json") },
      refreshMs: 0,
      say: () => undefined,
      inference: {
        // Most bad requests are rejected uploads, all from one address.
        Limits: { RejectionDelayMs: 0, ...limits },
        ...(model === undefined ? {} : { Model: { Format: model.format, Weights: model.weights } }),
      },
    });
    services.push(deployment.emulator);
    const [node, ...words] = await host.command(deployment.configFile);
    const probe = join(projectFolder, "build/soak/probe.js");
    const [program, ...rest] = [...wrapper, node, "--import", probe];
    const errors: string[] = [];
    const watched = new WatchedProcess();
    let metricsPort = 0;
    const service = await startService({
      command: [program, ...rest, ...words],
      environment: {
        PATH: process.env["PATH"] ?? "",
        ...host.environment,
        ...deployment.environment,
      },
      onLine: (line) => {
        // Only this line is parsed: most lines are requests.
        if (line.includes('"msg":"metrics"'))
          metricsPort = Number(parseObject(line)["metricsPort"]);
        return line.includes('"msg":"listening"');
      },
      onErrorLine: (line) => {
        if (watched.readLine(line)) return;
        errors.push(line);
        if (errors.length > keptLines) errors.shift();
      },
    });
    services.push(service);
    watched.pid = service.pid;
    const { imageKey, sealKey, owner } = deployment;
    return {
      ...{ service, metricsPort, errors, stop, watched },
      port: Number(service.ready["port"]),
      keys: { imageKey, sealKey, kid: owner.secret },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
