import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelFiles } from "../bench/models.js";
import { plainHost } from "../scripts/demo/host.js";
import { parseObject, startService, type Service } from "../scripts/demo/process.js";
import { loopback, projectFolder, setStage } from "../scripts/demo/stage.js";
import { onEnd } from "./cleanup.js";
import type { Keys } from "./uploads.js";
import { WatchedProcess } from "./watched-process.js";

/** The demo's emulator and server, watched. */
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
  /** Of Inference.Limits, in place of config.json's. */
  limits?: Readonly<Record<string, unknown>>;
  /** Comes before `node`: what moves the process into a memory group. */
  wrapper?: readonly string[];
  /** In place of the demo's. */
  model?: ModelFiles | undefined;
}

const keptLines = 20;

/** Starts both, on loopback and free ports, with the demo's model. */
export async function startSoakServer(options: SoakServerOptions = {}): Promise<SoakServer> {
  const { limits, model, wrapper = [] } = options;
  const folder = await mkdtemp(join(tmpdir(), "confml-soak-"));
  const home = plainHost(folder);
  const services: Service[] = [];
  const stop = onEnd(async () => {
    for (const service of services.splice(0).reverse()) await service.stop();
    await rm(folder, { recursive: true, force: true });
  });
  try {
    const stage = await setStage({
      ...{ folder, keysFolder: join(folder, "owners"), home, host: loopback, port: 0 },
      model: model?.model ?? join(projectFolder, "models/demo/alexnet.onnx"),
      manifest: { file: model?.manifest ?? join(projectFolder, "models/demo/model.json") },
      refreshMs: 0,
      say: () => undefined,
      inference: {
        ...(limits === undefined ? {} : { Limits: limits }),
        ...(model === undefined ? {} : { Model: { Format: model.format, Weights: model.weights } }),
      },
    });
    services.push(stage.emulator);
    const [node, ...words] = await home.command(stage.configFile);
    const probe = join(projectFolder, "build/soak/probe.js");
    const [program, ...rest] = [...wrapper, node, "--import", probe];
    const errors: string[] = [];
    const watched: { process?: WatchedProcess } = {};
    let metricsPort = 0;
    const service = await startService({
      command: [program, ...rest, ...words],
      environment: { PATH: process.env["PATH"] ?? "", ...home.environment, ...stage.environment },
      onLine: (line) => {
        // Most lines are requests: they are not parsed.
        if (line.includes('"msg":"metrics"'))
          metricsPort = Number(parseObject(line)["metricsPort"]);
        return line.includes('"msg":"listening"');
      },
      onErrorLine: (line) => {
        if (watched.process?.readLine(line) === true) return;
        errors.push(line);
        if (errors.length > keptLines) errors.shift();
      },
    });
    services.push(service);
    watched.process = new WatchedProcess(service.pid);
    const { imageKey, sealKey, owner } = stage;
    return {
      ...{ service, metricsPort, errors, stop, watched: watched.process },
      port: Number(service.ready["port"]),
      keys: { imageKey, sealKey, kid: owner.secret },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
