import { rm } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { say } from "./banner.js";
import type { Host } from "./host.js";
import { UsageError, type DemoOptions } from "./options.js";
import { ProcessFailure, type Service } from "../process/service.js";
import { projectFolder } from "../project.js";
import { prepareDeployment, type Deployment } from "./deployment.js";
import { startServer } from "./server.js";

export const demoFolder = join(projectFolder, ".demo");
export const keysFolder = join(demoFolder, "keys");

export interface Session extends Deployment {
  server: Service;
  /** The server's origin: no slash at its end. */
  url: string;
  /** Aborts when the services are being stopped. */
  ending: AbortSignal;
}

const exitCodes = { failure: 1, usage: 64 } as const;

/**
 * Prepares a deployment in `folder`, starts the server on `host` and does `action`. Stops the services and removes the folder
 * at the end, also after a failure or a signal.
 *
 * @returns the exit code
 */
export async function withSession(
  options: DemoOptions,
  folder: string,
  host: Host,
  action: (session: Session) => Promise<number>,
  { showRequests = false, refreshMs = 0 } = {},
): Promise<number> {
  console.log(host.banner);
  const services: Service[] = [];
  const ending = new AbortController();
  const work = async (): Promise<number> => {
    await host.prepare();
    const deployment = await prepareDeployment({
      ...options,
      ...{ folder, keysFolder, refreshMs, location: host, say },
    });
    services.unshift(deployment.emulator);
    const command = await host.command(deployment.configFile);
    const environment = { ...host.environment, ...deployment.environment };
    const server = await startServer({ command, environment, say, showRequests });
    services.unshift(server);
    const url = `http://127.0.0.1:${String(server.ready["port"])}`;
    return action({ ...deployment, server, url, ending: ending.signal });
  };
  try {
    return await Promise.race([work(), interruption()]);
  } finally {
    ending.abort();
    for (const service of services) await service.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Settles on a signal that asks this process to end, with the exit code that a shell reports for it. */
export function interruption(): Promise<number> {
  return new Promise((resolve) => {
    // Node ignores SIGPIPE; a closed pipe (`make run | head`) is an error of the stream.
    process.stdout.on("error", () => {
      resolve(128 + constants.signals.SIGPIPE);
    });
    for (const [signal, number] of [
      ["SIGHUP", 1],
      ["SIGINT", 2],
      ["SIGTERM", 15],
    ] as const) {
      process.once(signal, () => {
        resolve(128 + number);
      });
    }
  });
}

/** Runs a command and ends the process with its exit code. An error is printed, unless its process has printed it. */
export async function exitWith(command: () => Promise<number>): Promise<never> {
  try {
    process.exit(await command());
  } catch (error) {
    if (error instanceof ProcessFailure && error.isShown) process.exit(error.exitCode);
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(error instanceof UsageError ? exitCodes.usage : exitCodes.failure);
  }
}
