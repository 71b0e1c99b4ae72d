import { close, url } from "node:inspector";
import { ConfigurationError } from "../errors.js";

/** How this process was started, as far as that can let others into it. */
export interface Launch {
  /** Node's options from the command line. */
  nodeOptions: readonly string[];
  /** Variables that acted before the first line of ours, with their values. */
  earlyVariables: ReadonlyMap<string, string>;
  /** Where a debugger can attach; undefined: nowhere. */
  inspectorUrl: string | undefined;
}

/** What of a launch lets nobody in. */
export interface PermittedLaunch {
  /** Node's, each as it is written (config/enclave.ts). */
  nodeOptions: readonly string[];
  /** config.json's `EnvironmentVariables` (`NAME=VALUE`), which may preload a library. */
  variables: readonly string[];
}

/** @param earlyVariables those that were there when the process started */
export function inspectLaunch(earlyVariables: ReadonlyMap<string, string>): Launch {
  return { nodeOptions: process.execArgv, earlyVariables, inspectorUrl: url() };
}

/**
 * What lets somebody other than the measured code see or change what this process does. The values of variables are not
 * told.
 */
export function findHolesOfLaunch(launch: Launch, permitted: PermittedLaunch): string[] {
  const { nodeOptions, earlyVariables, inspectorUrl } = launch;
  const isConfigured = ([name, value]: [string, string]): boolean =>
    name === "LD_PRELOAD" && permitted.variables.includes(`${name}=${value}`);
  const variables = [...earlyVariables].filter((one) => !isConfigured(one)).map(([name]) => name);
  const options = nodeOptions.filter((option) => !permitted.nodeOptions.includes(option));
  return [
    ...variables.map((name) => `the variable ${name}`),
    ...options.map((option) => `Node's option ${option.replace(/=.*/su, "")}`),
    ...(inspectorUrl === undefined ? [] : ["an open debugger port"]),
  ];
}

/**
 * Closes a debugger's port that no option of Node's asked for: SIGUSR1 opens one until the process has a handler for it.
 *
 * @returns whether it did
 */
export function closeUnaskedDebugger({
  nodeOptions,
  earlyVariables,
  inspectorUrl,
}: Launch): boolean {
  const options = [...nodeOptions, earlyVariables.get("NODE_OPTIONS") ?? ""].join(" ");
  if (inspectorUrl === undefined || options.includes("--inspect")) return false;
  close();
  return true;
}

/** @throws ConfigurationError ENVIRONMENT_REFUSED where there are any */
export function refuseHoles(holes: readonly string[]): void {
  if (holes.length === 0) return;
  throw new ConfigurationError("ENVIRONMENT_REFUSED", {
    doing: "looking at how the enclave's process was started",
    expected:
      "no debugger, no preloaded code and no variable that acts before the server's first line",
    got: holes.join(", "),
    fix: "Take them out of config.json (EnvironmentVariables, HostEnvironmentVariables, ApplicationParameters)",
  });
}
