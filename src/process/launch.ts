import { close, url } from "node:inspector";
import { ConfigurationError } from "../errors.js";

/** How this process was started, as far as it lets others observe or change the process. */
export interface Launch {
  /** Node's options from the command line. */
  nodeOptions: readonly string[];
  /** Variables that took effect before the first line of this program, with their values. */
  earlyVariables: ReadonlyMap<string, string>;
  /** Where a debugger can attach; undefined: nowhere. */
  inspectorUrl: string | undefined;
}

/** The parts of a launch that are permitted in an enclave. */
export interface PermittedLaunch {
  /** Options of Node, each spelled exactly like this (config/enclave.ts). */
  nodeOptions: readonly string[];
  /** config.json's `EnvironmentVariables` (`NAME=VALUE`); LD_PRELOAD is permitted with the value that it has here. */
  variables: readonly string[];
}

/** @param earlyVariables what `removeUnnamedVariables` returned */
export function inspectLaunch(earlyVariables: ReadonlyMap<string, string>): Launch {
  return { nodeOptions: process.execArgv, earlyVariables, inspectorUrl: url() };
}

/**
 * Lists what lets somebody other than the measured code observe or change this process: variables, options of Node, a
 * debugger's port.
 *
 * @returns a phrase for each, without the values of variables and options
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
 * Closes a debugger's port that no option of Node requested: SIGUSR1 opens one until the process has a handler for it.
 *
 * @returns whether a port was open and is closed now
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

/** @param holes what `findHolesOfLaunch` returned @throws ConfigurationError ENVIRONMENT_REFUSED if there are any */
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
