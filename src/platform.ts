import { availableParallelism, cpus, version } from "node:os";

/**
 * What this process runs on: Mystikos in an SGX enclave, Mystikos without one (its Linux target), or
 * neither. The process's own word, from what its system says of itself: never a proof.
 */
export type PlatformName = "mystikos-sgx" | "mystikos-linux" | "none";

export interface Platform {
  name: PlatformName;
  /** The kernel's description of itself. */
  kernel: string;
  /** How many threads may run at once. */
  processors: number;
  /** What the system does not tell, or not truly, as Mystikos does not. */
  unreported: string[];
  /** What will go wrong, and how to mend it. */
  warnings: string[];
}

/** What is asked of the system. Each may throw, as some do in a library operating system. */
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
/** Node's HTTP client `fetch` is WebAssembly, and its traps are signals, which Mystikos does not deliver. */
const trapOption = "--disable-wasm-trap-handler";

/** @param environment this process's */
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

/** Looks at the system once, when the server starts. It never fails. */
export function inspectPlatform(probes: PlatformProbes): Platform {
  const kernel = ask(probes.kernel) ?? "unknown";
  const name = nameOf(probes.target, kernel);
  const unreported = [
    ...(ask(probes.listedProcessors) ? [] : ["processor list"]),
    ...(ask(probes.residentBytes) ? [] : ["resident memory"]),
    // Mystikos' getrusage: the times go back.
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

/** Both must say so: on plain Linux the variable is the host's to set. */
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
