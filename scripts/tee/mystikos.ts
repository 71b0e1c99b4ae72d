import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What a machine has of what a TEE needs. */
export interface Machine {
  /** The command `myst`. */
  myst: string | undefined;
  /** The device through which enclaves are made. */
  sgxDevice: string | undefined;
}

/** Where Mystikos' packages put it. */
const installedMyst = "/opt/mystikos/bin/myst";
/** In the kernel since Linux 5.11, and in Intel's driver before that. */
const sgxDevices = ["/dev/sgx_enclave", "/dev/sgx/enclave"];

export function inspectMachine(
  environment: NodeJS.ProcessEnv,
  devices: readonly string[] = sgxDevices,
): Machine {
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const places = [...folders.map((folder) => join(folder, "myst")), installedMyst];
  return { myst: places.find(isExecutable), sgxDevice: devices.find(existsSync) };
}

/** What is missing, and how to get it: a line for each. */
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
