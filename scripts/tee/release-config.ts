import { checkForEnclave } from "../../src/config/enclave.js";
import { readConfig } from "../../src/config/load.js";
import { exitCodes, CommandFailure } from "../exit.js";

/** The settings of a configuration that the enclave's signature contains beside its measurement. */
export interface ReleaseConfig {
  productId: number;
  securityVersion: number;
  warnings: string[];
}

/**
 * Reads a configuration for production, by the rules of the server under SGX. These refuse the settings that only a
 * demonstration may have.
 *
 * @throws CommandFailure if the file is invalid or not for production
 */
export async function readReleaseConfig(file: string): Promise<ReleaseConfig> {
  const { json, loaded } = await readConfig(file).catch((error: unknown) => {
    throw new CommandFailure(
      exitCodes.data,
      error instanceof Error ? error.message : String(error),
    );
  });
  const { problems, settings } = checkForEnclave(json);
  if (settings === undefined) {
    throw new CommandFailure(
      exitCodes.data,
      `${file} is not for production`,
      problems.map(
        ({ where, expected, got, fix }) => `${where}: expected ${expected}; got ${got}. ${fix}.`,
      ),
    );
  }
  const warnings = /^0+$/u.test(loaded.config.Inference.Model.Sha256)
    ? ["Inference.Model.Sha256 is the example's: this package will find its model altered"]
    : [];
  return { ...settings, warnings };
}
