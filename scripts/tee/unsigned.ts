/**
 * `make unsigned`: what is to be signed, in build/tee; with a folder, there. This is the step that runs npm's packages
 * and compilers, and it does not start where it is given a secret.
 */
import { resolve } from "node:path";
import { buildUnsigned } from "./build.js";
import { exitCodes, exitWith, TeeFailure } from "./failure.js";
import { projectFolder } from "../project.js";
import { teeFolder } from "./places.js";
import { readReleaseConfig } from "./release-config.js";
import { secretNames } from "./secrets.js";

async function main(): Promise<number> {
  const given = secretNames.filter((name) => (process.env[name] ?? "") !== "");
  if (given.length > 0) {
    throw new TeeFailure(exitCodes.usage, `a build is given ${given.join(", ")}`, [
      "make runs it without: make unsigned, make package, make measure",
    ]);
  }
  const configFile = resolve(projectFolder, process.env["CONFIG"] || "config.json");
  const { warnings } = await readReleaseConfig(configFile);
  for (const warning of warnings) console.error(`warning: ${warning}`);
  await buildUnsigned(resolve(projectFolder, process.argv[2] ?? teeFolder), configFile);
  return 0;
}

await exitWith(main);
