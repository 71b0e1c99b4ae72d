import { describeCause } from "../src/errors.js";
import { printErrors } from "./io/streams.js";
import { BrokenPipe, CommandError, UsageError } from "./usage.js";

/**
 * Prints an error on standard error: one line, and one for each hint.
 *
 * @param command the command's name, such as `key create`; undefined if the command line names none
 */
export function reportFailure(error: unknown, command: string | undefined): void {
  const hints = error instanceof CommandError ? error.hints : [];
  const help = command === undefined ? "confml --help" : `confml ${command} --help`;
  const all = [...hints, ...(error instanceof UsageError ? [`see ${help}`] : [])];
  printErrors([`error: ${describeCause(error)}`, ...all.map((hint) => `hint: ${hint}`)]);
}

/**
 * Runs an action for each file. Like cp and gzip, it reports a failure and continues with the other files.
 *
 * @returns the exit code: 1 if any failed
 * @throws BrokenPipe; if there is only one file, whatever the action throws
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
