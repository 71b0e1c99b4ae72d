import { rm } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { say } from "./banner.js";
import type { Host } from "./host.js";
import { UsageError, type DemoOptions } from "./options.js";
import { ServiceFailure, type Service } from "./process.js";
import { startServer } from "./server.js";
import { projectFolder, setStage, type Stage } from "./stage.js";

export const demoFolder = join(projectFolder, ".demo");
export const keysFolder = join(demoFolder, "keys");

export interface Session extends Stage {
  server: Service;
  /** The server's address, without a slash at its end. */
  url: string;
  /** Whether all is being stopped. */
  isEnding: () => boolean;
}

const exitCodes = { failure: 1, usage: 64 } as const;

/**
 * Sets the stage in `folder`, starts the server on `host`, does `action`, and stops and removes everything
 * whatever happens, signals too.
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
  const ending = { on: false };
  const work = async (): Promise<number> => {
    await host.prepare();
    const stage = await setStage({ ...options, folder, keysFolder, refreshMs, home: host, say });
    services.unshift(stage.emulator);
    const command = await host.command(stage.configFile);
    const environment = { ...host.environment, ...stage.environment };
    const server = await startServer({ command, environment, say, showRequests });
    services.unshift(server);
    const url = `http://127.0.0.1:${String(server.ready["port"])}`;
    return action({ ...stage, server, url, isEnding: () => ending.on });
  };
  try {
    return await Promise.race([work(), interruption()]);
  } finally {
    ending.on = true;
    for (const service of services) await service.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Settles with the shell's exit code for the signal with which the user has had enough. */
export function interruption(): Promise<number> {
  return new Promise((resolve) => {
    // Node ignores SIGPIPE: its reader has gone, as `make run | head` does.
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

/** Ends the process with a command's exit code, or with what its failure says. */
export async function exitWith(command: () => Promise<number>): Promise<never> {
  try {
    process.exit(await command());
  } catch (error) {
    // A service has said itself why it ended.
    if (error instanceof ServiceFailure) process.exit(error.exitCode);
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(error instanceof UsageError ? exitCodes.usage : exitCodes.failure);
  }
}
