import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The prerequisites for running a TEE that were found on this machine. */
export interface Machine {
  /** The path of the command `myst`; undefined: it is not installed. */
  myst: string | undefined;
  /** The kernel's device for enclaves; undefined: there is none. */
  sgxDevice: string | undefined;
}

/** Where Mystikos' packages install the command. */
const installedMyst = "/opt/mystikos/bin/myst";
/** The device of Linux 5.11 and later, and that of Intel's driver for older kernels. */
const sgxDevices = ["/dev/sgx_enclave", "/dev/sgx/enclave"];

/**
 * Searches for what Mystikos needs on this machine.
 *
 * @param environment variables, of which PATH is searched for the command `myst`
 * @param devices paths of the kernel's SGX device, in the order of preference
 */
export function inspectMachine(
  environment: NodeJS.ProcessEnv,
  devices: readonly string[] = sgxDevices,
): Machine {
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const places = [...folders.map((folder) => join(folder, "myst")), installedMyst];
  return { myst: places.find(isExecutable), sgxDevice: devices.find(existsSync) };
}

/** @returns a line for each missing prerequisite, which says where to get it; an empty list if the target can be run */
export function missingFor(target: "linux" | "sgx", { myst, sgxDevice }: Machine): string[] {
  const missing: string[] = [];
  if (myst === undefined) {
    missing.push(
      "myst is not on PATH: install Mystikos, https://github.com/deislabs/mystikos/releases",
    );
  }
  if (target === "sgx" && sgxDevice === undefined) {
    missing.push(
      `there is no ${sgxDevices.join(" or ")}: a processor with SGX, SGX switched on in its firmware, ` +
        "and Linux 5.11 or later (on Azure, a DCsv3 machine)",
    );
  }
  return missing;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
