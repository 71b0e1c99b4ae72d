/** `make server`: the signed package, run in an enclave, in the foreground. */
import { run } from "./command.js";
import { exitCodes, exitWith, CommandFailure } from "../exit.js";
import { inspectMachine, missingFor } from "./mystikos.js";
import { packageLaunch } from "./launch.js";
import { teeFolder } from "./places.js";

async function main(): Promise<number> {
  const missing = missingFor("sgx", inspectMachine(process.env));
  if (missing.length > 0) {
    throw new CommandFailure(exitCodes.unavailable, "cannot run an enclave here", [
      ...missing,
      "make serve runs the same server on plain Node, where nothing is confidential",
    ]);
  }
  const { command, environment } = packageLaunch(process.env);
  const [program, ...words] = command;
  return run(program, words, { cwd: teeFolder, environment });
}

await exitWith(main);
