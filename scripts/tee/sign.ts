/** `make package`: the signed package, from this commit's sources. */
import { rm } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { buildImage } from "./build.js";
import { differencesFrom, signEnclave } from "./enclave.js";
import { exitCodes, exitWith, TeeFailure } from "./failure.js";
import { inspectMachine, missingFor } from "./mystikos.js";
import { packageFile, projectFolder, teeFolder } from "./places.js";
import { readReleaseConfig } from "./release-config.js";
import { takeSecret } from "./secrets.js";
import { mrSigner, readSigningKey } from "./signing-key.js";

async function main(): Promise<number> {
  // All that can be refused is, before anything is built.
  const key = readSigningKey(takeSecret("SSR_PKEY"));
  takeSecret("CLIENT_SECRET");
  const configFile = resolve(projectFolder, process.env["CONFIG"] || "config.json");
  const config = await readReleaseConfig(configFile);
  for (const warning of config.warnings) console.error(`warning: ${warning}`);
  const machine = inspectMachine(process.env);
  if (machine.myst === undefined) {
    throw new TeeFailure(exitCodes.unavailable, "cannot make a package here", [
      ...missingFor("linux", machine),
      "make appdir needs neither; make run plays the demo on plain Node",
    ]);
  }
  await rm(teeFolder, { recursive: true, force: true });
  const rootHash = await buildImage(configFile);
  const identity = await signEnclave({
    myst: machine.myst,
    folder: teeFolder,
    configFile,
    rootHash,
    key,
  });
  // The last look: what was signed, and not what was meant to be.
  const wanted = { ...config, mrsigner: mrSigner(key), debug: false };
  const differences = differencesFrom(wanted, identity);
  if (differences.length > 0) {
    await rm(teeFolder, { recursive: true, force: true });
    throw new TeeFailure(exitCodes.software, "the package is not what was asked for", differences);
  }
  console.log(`${relative(process.cwd(), packageFile)}  MRENCLAVE ${identity.mrenclave}`);
  return 0;
}

await exitWith(main);
