import { availableParallelism, cpus, version } from "node:os";

/**
 * What this process runs on: Mystikos in an SGX enclave, Mystikos without one (its Linux target), or neither. It is what
 * the system reports of itself, and no proof: attestation is.
 */
export type PlatformName = "mystikos-sgx" | "mystikos-linux" | "none";

export interface Platform {
  name: PlatformName;
  /** The kernel's description of itself. */
  kernel: string;
  /** Number of threads that can run at once. */
  processors: number;
  /** Figures that the system does not report, or not correctly, as in Mystikos: for the log and the metrics. */
  unreported: string[];
  /** Warnings for the log: what will fail on this platform, and how to correct it. */
  warnings: string[];
}

/** Functions that ask the system. Each may throw, as some do in a library operating system. */
export interface PlatformProbes {
  /** The variable MYST_TARGET. */
  target: string | undefined;
  /** Node's own options. */
  nodeOptions: readonly string[];
  kernel: () => string;
  processors: () => number;
  listedProcessors: () => number;
  /** Bytes of memory in use. */
  residentBytes: () => number;
}

const names: ReadonlyMap<string, PlatformName> = new Map([
  ["sgx", "mystikos-sgx"],
  ["linux", "mystikos-linux"],
]);
/** Node's `fetch` runs WebAssembly, whose traps are signals with the default setting; Mystikos does not deliver signals. */
const trapOption = "--disable-wasm-trap-handler";

/** @param environment the variables of this process @returns the probes of the real system */
export function systemProbes(environment: NodeJS.ProcessEnv): PlatformProbes {
  return {
    target: environment["MYST_TARGET"],
    nodeOptions: process.execArgv,
    kernel: version,
    processors: availableParallelism,
    listedProcessors: () => cpus().length,
    residentBytes: () => process.memoryUsage.rss(),
  };
}

/** Describes the platform. It never throws: what a probe cannot tell is listed in `unreported`. */
export function inspectPlatform(probes: PlatformProbes): Platform {
  const kernel = ask(probes.kernel) ?? "unknown";
  const name = nameOf(probes.target, kernel);
  const unreported = [
    ...(ask(probes.listedProcessors) ? [] : ["processor list"]),
    ...(ask(probes.residentBytes) ? [] : ["resident memory"]),
    // The processor times of Mystikos' getrusage decrease.
    ...(name === "none" ? [] : ["processor time"]),
  ];
  const warnings: string[] = [];
  if (name === "none" && probes.target !== undefined) {
    warnings.push(
      `MYST_TARGET is ${JSON.stringify(probes.target)}, but the kernel is not Mystikos: it counts for nothing`,
    );
  }
  if (name !== "none" && !probes.nodeOptions.includes(trapOption)) {
    warnings.push(`WebAssembly ends the process here without Node's option ${trapOption}`);
  }
  return { name, kernel, processors: ask(probes.processors) ?? 1, unreported, warnings };
}

/** The variable counts only under Mystikos' kernel: on plain Linux the host can set it. */
function nameOf(target: string | undefined, kernel: string): PlatformName {
  if (!kernel.startsWith("Mystikos")) return "none";
  return names.get(target ?? "") ?? "none";
}

function ask<T>(probe: () => T): T | undefined {
  try {
    return probe();
  } catch {
    return undefined;
  }
}
