/**
 * `make unsigned`: builds what is to be signed, in build/tee or in the folder given as an argument. This step runs npm's
 * packages and compilers; it refuses to start with a secret in its environment.
 */
import { resolve } from "node:path";
import { buildUnsigned } from "./build.js";
import { exitCodes, exitWith, CommandFailure } from "../exit.js";
import { projectFolder } from "../project.js";
import { teeFolder } from "./places.js";
import { readReleaseConfig } from "./release-config.js";
import { secretNames } from "./secrets.js";

async function main(): Promise<number> {
  const given = secretNames.filter((name) => (process.env[name] ?? "") !== "");
  if (given.length > 0) {
    throw new CommandFailure(exitCodes.usage, `a build is given ${given.join(", ")}`, [
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
