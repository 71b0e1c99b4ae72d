import { rm } from "node:fs/promises";
import { join } from "node:path";
import { say } from "./banner.js";
import type { Host } from "./host.js";
import type { DemoOptions } from "./options.js";
import { interruption } from "../exit.js";
import type { Service } from "../process/service.js";
import { projectFolder } from "../project.js";
import { prepareDeployment, type Deployment } from "./deployment.js";
import { startServer, type DemoServer } from "./server.js";

export const demoFolder = join(projectFolder, ".demo");
export const keysFolder = join(demoFolder, "keys");

/** A deployment with a running server. */
export interface Session extends Deployment {
  server: DemoServer;
  /** The server's origin: no slash at its end. */
  url: string;
  /** The same over HTTPS, with the attested key; undefined where the server listens for other machines. */
  tlsUrl: string | undefined;
  /** Aborts when the services are being stopped. */
  ending: AbortSignal;
}

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
    const tlsPort = server.ready["tlsPort"];
    const tlsUrl = typeof tlsPort === "number" ? `https://127.0.0.1:${tlsPort}` : undefined;
    return action({ ...deployment, server, url, tlsUrl, ending: ending.signal });
  };
  try {
    return await Promise.race([work(), interruption()]);
  } finally {
    ending.abort();
    for (const service of services) await service.stop();
    // What was interrupted may still write there.
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
