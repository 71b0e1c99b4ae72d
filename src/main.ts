import { fileURLToPath } from "node:url";
import { setTimeout as after } from "node:timers/promises";
import { parseArgs } from "node:util";
import pino, { type Logger } from "pino";
import { boot, type RunningServer } from "./boot.js";
import { readEnvironment } from "./config/environment.js";
import { loadConfig } from "./config/load.js";
import {
  BootError,
  ConfigurationError,
  RefusedError,
  UnavailableError,
  describeCause,
  describeFailure,
} from "./errors.js";
import { LineWriter } from "./line-writer.js";
import { prepareToLeave } from "./native/leave.js";
import { inspectPlatform, systemProbes, type Platform } from "./platform.js";
import { removeKeyFiles } from "./secrets/release.js";
import { version } from "./version.js";

const usage = `Usage: node main.js [--config FILE]

Serves an encrypted image classifier: gets its keys by attested release, downloads and decrypts the
model in memory, then listens.

  --config FILE  the configuration (default: /app/config.json)
  --version      print the version
  --help         print this

Environment: APP_ID (the Azure AD tenant), CLIENT_ID, CLIENT_SECRET: the principal that may release
the keys; without CLIENT_SECRET, Kubernetes' workload identity (AZURE_FEDERATED_TOKEN_FILE).
MHSM_AAD_URL: the resource its tokens are for, where it is not the one the vault names.

Standard output is the log, one JSON object a line. A boot that fails ends with one line on standard
error and exit code 78 (configuration), 77 (refused), 75 (unavailable, may work later) or 70 (a bug).
`;

/** From sysexits.h, as the readers of exit codes know them. */
const exitCodes = { usage: 64, bug: 70, unavailable: 75, refused: 77, configuration: 78 } as const;

/** The folder that holds `dist`: `/app` in the TEE. */
const applicationFolder = fileURLToPath(new URL("..", import.meta.url));

/** How long the log's last lines, and the line about a failure, may take to get out. */
const flushTimeoutMs = 1000;

/** How long requests under way may take to end after a signal. */
const stopTimeoutMs = 10_000;
/** The same where no model will answer them any more. */
const fatalStopTimeoutMs = 2000;

const leaveProcess: (code: number) => never = await prepareToLeave();
const output = new LineWriter({ fd: 1 });
const errors = new LineWriter({ fd: 2 });

async function main(): Promise<void> {
  let values: { config: string; version: boolean; help: boolean };
  try {
    ({ values } = parseArgs({
      options: {
        config: { type: "string", default: "/app/config.json" },
        version: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }));
  } catch (error) {
    errors.write(`confml: error: ${describeCause(error)}\n`);
    return leave(exitCodes.usage);
  }
  if (values.help || values.version) {
    process.stdout.write(values.help ? usage : `${version}\n`);
    return;
  }

  try {
    await start(values.config, pino({ base: null }, output));
  } catch (error) {
    await fail(error);
  }
}

async function start(configFile: string, log: Logger): Promise<void> {
  const platform = inspectPlatform(systemProbes(process.env));
  // libvips unpacks some pictures of over 100 MB into temporary files; no plaintext is to reach one.
  // Its largest unit is g.
  process.env["VIPS_DISC_THRESHOLD"] = "1000g";
  reportPlatform(platform, log);
  const loaded = await loadConfig(configFile);
  const clients = loaded.config.Secret.map(({ ClientLib: client }) => client);
  const environment = clients.includes("mhsm") ? readEnvironment(process.env) : undefined;
  // Diagnostic reports print the environment, but native libraries read it too.
  if (clients.every((client) => client === "mhsm")) delete process.env["CLIENT_SECRET"];
  const running: { server?: RunningServer } = {};
  const removeKeys = (): Promise<void> => removeKeyFiles(loaded.config.Secret);
  stopOnSignals(log, () => running.server?.stop() ?? removeKeys(), removeKeys);
  running.server = await boot({
    ...loaded,
    environment,
    platform,
    log,
    lostLogLines: () => output.lostLines,
    applicationFolder,
    onFatal: (error) => {
      log.error({ reason: describeFailure(error) }, "serving cannot go on");
      // At once not ready; what waits for the model is answered now.
      const stopped = running.server?.stop().catch(() => undefined);
      const answered = Promise.race([stopped, after(fatalStopTimeoutMs)]);
      removeKeys()
        .then(() => answered)
        .then(() => fail(error), fail);
    },
  });
}

function reportPlatform(
  { name, kernel, processors, untold, warnings }: Platform,
  log: Logger,
): void {
  log.info({ platform: name, kernel, node: process.version, processors, untold }, "platform");
  for (const warning of warnings) log.warn(warning);
  if (name !== "mystikos-sgx") {
    log.warn("this is not a trusted execution environment: nothing here is confidential");
  }
}

/** @param removeKeys what is done at the least, where requests under way take too long */
function stopOnSignals(
  log: Logger,
  stop: () => Promise<void>,
  removeKeys: () => Promise<void>,
): void {
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info({ signal }, "stopping");
    setTimeout(() => {
      removeKeys().then(() => leave(exitCodes.unavailable), fail);
    }, stopTimeoutMs).unref();
    stop().then(() => leave(0), fail);
  };
  try {
    process.once("SIGTERM", onSignal);
    process.once("SIGINT", onSignal);
  } catch (error) {
    // As in Mystikos, where a signal ends the process at once in any case.
    log.warn({ reason: describeCause(error) }, "no signal handlers here: no orderly stop");
  }
}

/**
 * One line for people, and out: whatever still runs belongs to a boot that has failed, and may be a
 * native library's call that never ends.
 */
async function fail(error: unknown): Promise<never> {
  const line =
    error instanceof BootError
      ? `${error.code}: ${error.message}`
      : `INTERNAL: an error of confml's own: ${describeCause(error)}. Please report it.`;
  errors.write(`confml: error: ${line}\n`);
  return leave(exitCodeOf(error));
}

/** With this exit code, whether or not anybody takes what was printed. */
async function leave(code: number): Promise<never> {
  await Promise.all([output.flush(flushTimeoutMs), errors.flush(flushTimeoutMs)]);
  return leaveProcess(code);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigurationError) return exitCodes.configuration;
  if (error instanceof RefusedError) return exitCodes.refused;
  return error instanceof UnavailableError ? exitCodes.unavailable : exitCodes.bug;
}

await main();
