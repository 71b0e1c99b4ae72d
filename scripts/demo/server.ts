import type { Command } from "../process/launch.js";
import { parseObject, startService, type Service } from "../process/service.js";
import { projectFolder } from "../project.js";

export interface ServerOptions {
  command: Command;
  environment: Record<string, string>;
  say: (who: string, line: string) => void;
  showRequests: boolean;
}

export interface DemoServer extends Service {
  /** The port of the metrics. */
  metricsPort: number;
}

/** Starts the server, prints its log, and waits until it listens. */
export async function startServer({ say, ...options }: ServerOptions): Promise<DemoServer> {
  let metricsPort = 0;
  const service = await startService({
    command: options.command,
    environment: options.environment,
    onLine: (line) => {
      const entry = parseObject(line);
      if (options.showRequests || entry["msg"] !== "request") say("server", describe(entry));
      // The server logs this line before "listening".
      if (typeof entry["metricsPort"] === "number") metricsPort = entry["metricsPort"];
      return entry["msg"] === "listening";
    },
    onErrorLine: (line) => {
      say("server", line);
    },
  });
  return { ...service, metricsPort };
}

const warningLevel = 40;
const hidden = new Set(["level", "time", "msg"]);

/** Formats an entry of the server's log for people: the message, then the other members. */
function describe(entry: Record<string, unknown>): string {
  const details = Object.entries(entry)
    .filter(([name]) => !hidden.has(name))
    .map(([name, value]) => `${name}=${describeValue(name, value)}`);
  const message = typeof entry["msg"] === "string" ? entry["msg"] : "";
  const isWarning = typeof entry["level"] === "number" && entry["level"] >= warningLevel;
  return [isWarning ? `warning: ${message}` : message, ...details].join("  ");
}

/** Shows bytes in megabytes and paths relative to the project. */
function describeValue(name: string, value: unknown): string {
  if (typeof value === "number" && name.endsWith("Bytes")) return `${(value / 1e6).toFixed(1)}MB`;
  return typeof value === "string" ? value.replace(`${projectFolder}/`, "") : JSON.stringify(value);
}
