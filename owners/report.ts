import { describeCause } from "../src/errors.js";
import { printErrors } from "./io/streams.js";
import { BrokenPipe, CommandError, UsageError } from "./usage.js";

/**
 * Says on standard error what failed: one line, and one for each hint.
 *
 * @param command of several words; undefined where the command line names none
 */
export function reportFailure(error: unknown, command: string | undefined): void {
  const hints = error instanceof CommandError ? error.hints : [];
  const help = command === undefined ? "confml --help" : `confml ${command} --help`;
  const all = [...hints, ...(error instanceof UsageError ? [`see ${help}`] : [])];
  printErrors([`error: ${describeCause(error)}`, ...all.map((hint) => `hint: ${hint}`)]);
}

/**
 * Runs an action for each file, as cp and gzip do: one that fails is reported, and the others are gone on with.
 *
 * @returns the exit code: 1 where any failed
 * @throws whatever the action throws, where there is one file; BrokenPipe
 */
export async function forEachFile(
  files: readonly string[],
  command: string,
  action: (file: string) => Promise<void>,
): Promise<number> {
  const [only, ...others] = files;
  if (only !== undefined && others.length === 0) {
    await action(only);
    return 0;
  }
  let failures = 0;
  for (const file of files) {
    try {
      await action(file);
    } catch (error) {
      if (error instanceof BrokenPipe) throw error;
      reportFailure(error, command);
      failures += 1;
    }
  }
  return failures === 0 ? 0 : 1;
}
