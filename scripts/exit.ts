import { constants } from "node:os";
import { ProcessFailure } from "./process/service.js";

/** Exit codes of sysexits.h, which the server uses as well, and 1 for any other failure. */
export const exitCodes = {
  failure: 1,
  usage: 64,
  data: 65,
  input: 66,
  unavailable: 69,
  software: 70,
} as const;

/** A step that failed; its hints say what the user can do about it. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  readonly hints: readonly string[];

  constructor(exitCode: number, message: string, hints: readonly string[] = []) {
    super(message);
    this.exitCode = exitCode;
    this.hints = hints;
  }
}

/** Wrong options: the user has to correct the command. */
export class UsageError extends CommandFailure {
  constructor(message: string) {
    super(exitCodes.usage, message);
  }
}

/**
 * Runs a command and ends the process with its exit code. An error is printed with its hints, unless it is a child
 * process's, which has printed it.
 */
export async function exitWith(command: () => Promise<number>): Promise<never> {
  try {
    process.exit(await command());
  } catch (error) {
    if (error instanceof ProcessFailure && error.isShown) process.exit(error.exitCode);
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    const failure = error instanceof CommandFailure ? error : undefined;
    for (const hint of failure?.hints ?? []) console.error(`hint: ${hint}`);
    process.exit(failure?.exitCode ?? exitCodes.failure);
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
