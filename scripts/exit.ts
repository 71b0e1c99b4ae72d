import { constants } from "node:os";
import { ProcessFailure } from "./process/service.js";

/** Wrong options: the user has to correct the command. */
export class UsageError extends Error {}

const exitCodes = { failure: 1, usage: 64 } as const;

/** Runs a command and ends the process with its exit code. An error is printed, unless its process has printed it. */
export async function exitWith(command: () => Promise<number>): Promise<never> {
  try {
    process.exit(await command());
  } catch (error) {
    if (error instanceof ProcessFailure && error.isShown) process.exit(error.exitCode);
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(error instanceof UsageError ? exitCodes.usage : exitCodes.failure);
  }
}

/** Settles on a signal that asks this process to end, with the exit code that a shell reports for it. */
export function interruption(): Promise<number> {
  return new Promise((resolve) => {
    // Node ignores SIGPIPE; a closed pipe (`make run | head`) is an error of the stream.
    process.stdout.on("error", () => {
      resolve(128 + constants.signals.SIGPIPE);
    });
    for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        resolve(128 + constants.signals[signal]);
      });
    }
  });
}
