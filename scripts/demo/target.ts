import { UsageError } from "../exit.js";
import { credentials } from "../tee/launch.js";
import { inspectMachine, missingFor, type Machine } from "../tee/mystikos.js";

/** The platform of `make run`: an enclave, Mystikos without an enclave, or plain Node. */
export type Target = { kind: "sgx" } | { kind: "linux"; myst: string } | { kind: "none" };

/**
 * Chooses the platform that the variable TEE names (`sgx`, `linux`, `none`), or the best that this machine has. `sgx` needs
 * Azure's credentials as well, because an enclave gets its keys from there.
 *
 * @throws UsageError if TEE names a platform that this machine does not have; the message lists what is missing
 */
export function chooseTarget(
  environment: NodeJS.ProcessEnv,
  machine: Machine = inspectMachine(environment),
): Target {
  const wanted = environment["TEE"] || "auto";
  const unset = credentials.filter((name) => !environment[name]);
  const missing = {
    sgx: [
      ...missingFor("sgx", machine),
      ...(unset.length > 0 ? [`not set: ${unset.join(", ")}`] : []),
    ],
    linux: missingFor("linux", machine),
  };
  if (wanted === "sgx" || (wanted === "auto" && missing.sgx.length === 0)) {
    if (missing.sgx.length > 0) throw unavailable(wanted, missing.sgx);
    return { kind: "sgx" };
  }
  if (wanted === "linux" || (wanted === "auto" && machine.myst !== undefined)) {
    if (machine.myst === undefined) throw unavailable(wanted, missing.linux);
    return { kind: "linux", myst: machine.myst };
  }
  if (wanted !== "none" && wanted !== "auto") {
    throw new UsageError(`TEE: expected sgx, linux or none; got ${wanted}`);
  }
  return { kind: "none" };
}

function unavailable(wanted: string, missing: string[]): UsageError {
  return new UsageError(
    [
      `TEE=${wanted} cannot be had here`,
      ...missing,
      "make run TEE=none runs the demo on plain Node",
    ].join("\n  "),
  );
}
