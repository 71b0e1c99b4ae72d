import { existsSync } from "node:fs";
import { exitCodes, CommandFailure } from "../exit.js";
import { imageFile, packageFile } from "./places.js";

export interface PackageLaunch {
  command: readonly [string, ...string[]];
  environment: Record<string, string>;
}

/** The variables that the enclave reads from its host (HostEnvironmentVariables of config.json). */
export const credentials = ["CLIENT_ID", "CLIENT_SECRET", "APP_ID", "MHSM_AAD_URL"] as const;
/** Variables that Mystikos' part outside the enclave and the quote libraries of Intel and Azure read. */
const hostVariables = ["PATH", "HOME", "TMPDIR", "SGX_AESM_ADDR", "AZDCAP_COLLATERAL_VERSION"];

/**
 * @returns the command that starts the package of `make package`, and its environment
 * @throws CommandFailure if there is no package
 */
export function packageLaunch(from: NodeJS.ProcessEnv): PackageLaunch {
  if (!existsSync(packageFile) || !existsSync(imageFile)) {
    throw new CommandFailure(exitCodes.input, "there is no package", ["make package makes it"]);
  }
  const environment: Record<string, string> = {};
  for (const name of [...credentials, ...hostVariables]) {
    const value = from[name];
    if (value !== undefined) environment[name] = value;
  }
  return { command: [packageFile, `--rootfs=${imageFile}`], environment };
}
