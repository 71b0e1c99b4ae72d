/**
 * `make sign`: signs what `make unsigned` has made. Only this step has the key, and the only program it starts is
 * Mystikos. With `--check` it only checks that key, configuration and machine are suitable, before anything is built.
 */
import { rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readUnsigned } from "./build.js";
import { differencesFrom, signEnclave } from "./enclave.js";
import { exitCodes, exitWith, CommandFailure } from "../exit.js";
import { inspectMachine, missingFor } from "./mystikos.js";
import { projectFolder } from "../project.js";
import { packageFile, teeFolder } from "./places.js";
import { readReleaseConfig } from "./release-config.js";
import { takeSecret } from "./secrets.js";
import { mrSigner, readSigningKey } from "./signing-key.js";

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
  const key = readSigningKey(takeSecret("SSR_PKEY"));
  const given = resolve(projectFolder, process.env["CONFIG"] || "config.json");
  const config = await readReleaseConfig(given);
  const machine = inspectMachine(process.env);
  if (machine.myst === undefined) {
    throw new CommandFailure(exitCodes.unavailable, "cannot make a package here", [
      ...missingFor("linux", machine),
      "make appdir needs neither; make run plays the demo on plain Node",
    ]);
  }
  if (values.check) return 0;
  const unsigned = await readUnsigned(teeFolder, given);
  await rm(join(teeFolder, "myst"), { recursive: true, force: true });
  const identity = await signEnclave({ ...unsigned, myst: machine.myst, folder: teeFolder, key });
  // The final check reads the signature itself.
  const wanted = { ...config, mrsigner: mrSigner(key), debug: false };
  const differences = differencesFrom(wanted, identity);
  if (differences.length > 0) {
    await rm(teeFolder, { recursive: true, force: true });
    throw new CommandFailure(
      exitCodes.software,
      "the package is not what was asked for",
      differences,
    );
  }
  console.log(`${relative(process.cwd(), packageFile)}  MRENCLAVE ${identity.mrenclave}`);
  return 0;
}

await exitWith(main);
