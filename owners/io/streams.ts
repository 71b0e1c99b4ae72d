import { hideKeys } from "./key-like.js";
import { codeOf } from "./system-error.js";
import { BrokenPipe, CommandError } from "../usage.js";
import { describeCause } from "../../src/errors.js";

/** The name of standard input or output on the command line. */
export const standardStream = "-";

/** @throws BrokenPipe if the reader has closed the pipe; CommandError for other failures, such as a full disk */
export async function writeStandardOutput(content: Uint8Array | string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(content, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  }).catch((cause: unknown) => {
    if (codeOf(cause) === "EPIPE") throw new BrokenPipe("nobody reads standard output", { cause });
    throw new CommandError(`cannot write standard output: ${describeCause(cause)}`, [], { cause });
  });
}

/** Failed writes are reported to their callbacks. Without a listener, the `error` event would also end the process. */
export function ignoreStreamEvents(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

/** Prints lines on standard output, without parts of the command line that may be keys. */
export function printLines(lines: readonly string[]): Promise<void> {
  return writeStandardOutput(safe(lines.map((line) => `${line}\n`).join("")));
}

/** Prints warnings on standard error. */
export function warn(warnings: readonly string[]): void {
  printErrors(warnings.map((warning) => `warning: ${warning}`));
}

/** Prints lines on standard error, each after `confml: `, without parts of the command line that may be keys. */
export function printErrors(lines: readonly string[]): void {
  process.stderr.write(safe(lines.map((line) => `confml: ${line}\n`).join("")));
}

function safe(text: string): string {
  return hideKeys(text, process.argv.slice(2));
}
