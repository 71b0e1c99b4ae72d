import { fileURLToPath } from "node:url";
import { setTimeout as after } from "node:timers/promises";
import { parseArgs } from "node:util";
import pino, { type Logger } from "pino";
import { boot } from "./boot.js";
import { isSecretClientName } from "./config/built-in.js";
import { nodeOptions } from "./config/enclave.js";
import { readEnvironment, type Environment } from "./config/environment.js";
import { loadConfig, type LoadedConfig } from "./config/load.js";
import { describeCause, describeFailure } from "./errors.js";
import { ignoreRealTimeSignals } from "./native/signal-actions.js";
import { inspectPlatform, systemProbes, type Platform } from "./platform.js";
import type { ProcessEnd } from "./process/end.js";
import { exitCodes } from "./process/failure.js";
import {
  closeUnaskedDebugger,
  findHolesOfLaunch,
  inspectLaunch,
  refuseHoles,
} from "./process/launch.js";
import type { UnhandledSignals } from "./process/signals.js";
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

/** Warnings with a fixed text of Node or a package. Others, such as for a rejected promise, contain an error's message. */
const fixedWarnings: ReadonlySet<string> = new Set([
  "DeprecationWarning",
  "ExperimentalWarning",
  "MaxListenersExceededWarning",
  "TimeoutOverflowWarning",
]);

/** The folder that holds `dist`: `/app` in the TEE. */
const applicationFolder = fileURLToPath(new URL("..", import.meta.url));

/** Time for pending requests to end after the model has failed. */
const fatalStopTimeoutMs = 2000;

export interface ServeOptions {
  end: ProcessEnd;
  /** What `removeUnnamedVariables` returned: removed variables that had already taken effect. */
  earlyVariables: ReadonlyMap<string, string>;
  unhandledSignals: UnhandledSignals | undefined;
}

/** Runs the command line: prints help or the version, or starts the server. It never rejects: a failure ends the process. */
export async function serve(options: ServeOptions): Promise<void> {
  const { end } = options;
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
    return end.leave(exitCodes.usage, describeCause(error));
  }
  if (values.help || values.version) {
    process.stdout.write(values.help ? usage : `${version}\n`);
    return;
  }
  try {
    await start(values.config, options);
  } catch (error) {
    await end.fail(error);
  }
}

async function start(configFile: string, options: ServeOptions): Promise<void> {
  const { end, unhandledSignals } = options;
  const log = pino({ base: null }, end.output);
  logWarnings(log);
  const platform = inspectPlatform(systemProbes(process.env));
  // libvips unpacks some pictures of over 100 MB into temporary files; no plaintext is to reach one.
  // Its largest unit is g.
  process.env["VIPS_DISC_THRESHOLD"] = "1000g";
  reportPlatform(platform, log);
  if (unhandledSignals !== undefined) {
    // As in Mystikos, where a signal ends the process at once in any case.
    log.warn({ ...unhandledSignals }, "no signal handlers here: no orderly stop");
  }
  await ignoreRealTimeSignals();
  const loaded = await loadConfig(configFile, { enclave: platform.name === "mystikos-sgx" });
  // Nothing is to be stopped until the boot has succeeded.
  let stop = (): Promise<void> => Promise.resolve();
  end.serve({
    log,
    keyFiles: loaded.config.Secret.map(({ LocalPath: path }) => path),
    stop: () => stop(),
  });
  checkLaunch(loaded, platform, log, options);
  const environment = takeEnvironment(loaded);
  const server = await boot({
    config: loaded.config,
    keyNames: loaded.keyNames,
    sha256: loaded.sha256,
    environment,
    platform,
    log,
    lostLogLines: () => end.output.lostLines,
    applicationFolder,
    onFatal: (error) => {
      log.error({ reason: describeFailure(error) }, "serving cannot go on");
      // Readiness fails at once, and requests that wait for the model are answered with an error.
      const stopped = stop().catch(() => undefined);
      end.failAfter(Promise.race([stopped, after(fatalStopTimeoutMs)]), error);
    },
  });
  stop = () => server.stop();
}

function reportPlatform(
  { name, kernel, processors, unreported, warnings }: Platform,
  log: Logger,
): void {
  log.info({ platform: name, kernel, node: process.version, processors, unreported }, "platform");
  for (const warning of warnings) log.warn(warning);
  if (name !== "mystikos-sgx") {
    log.warn("this is not a trusted execution environment: nothing here is confidential");
  }
}

/** Writes Node's warnings into the log: standard error is for the line about a failure only. */
function logWarnings(log: Logger): void {
  process.removeAllListeners("warning");
  process.on("warning", ({ name, message }) => {
    const reason = fixedWarnings.has(name) ? message : undefined;
    log.warn({ warning: name, reason }, "Node warns");
  });
}

/** @throws ConfigurationError ENVIRONMENT_REFUSED in an enclave whose process others can observe or change */
function checkLaunch(
  { config }: LoadedConfig,
  { name }: Platform,
  log: Logger,
  { earlyVariables }: ServeOptions,
): void {
  const launch = inspectLaunch(earlyVariables);
  const { EnvironmentVariables: variables = [] } = config;
  const holes = findHolesOfLaunch(launch, { nodeOptions, variables });
  if (name === "mystikos-sgx") refuseHoles(holes);
  if (closeUnaskedDebugger(launch)) log.warn("a signal had opened a debugger's port: closed");
  if (holes.length > 0) log.warn({ holes }, "whoever started this process can look into it");
}

/**
 * Reads the credentials, and removes them from the process if no native library needs them.
 *
 * @returns undefined if no secret uses the built-in client
 * @throws ConfigurationError ENVIRONMENT_INCOMPLETE
 */
function takeEnvironment({ config }: LoadedConfig): Environment | undefined {
  const clients = config.Secret.map(({ ClientLib: client }) => client);
  const environment = clients.includes("mhsm") ? readEnvironment(process.env) : undefined;
  // Node's diagnostic reports print the environment. Native client libraries read the secret there.
  if (clients.every(isSecretClientName)) delete process.env["CLIENT_SECRET"];
  return environment;
}
