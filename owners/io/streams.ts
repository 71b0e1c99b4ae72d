import { hideKeys } from "./key-like.js";
import { codeOf } from "./system-error.js";
import { BrokenPipe, CommandError } from "../usage.js";
import { describeCause } from "../../src/errors.js";

export const standardStream = "-";

/**
 * @throws BrokenPipe; CommandError, for a full disk and the like
 */
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

/** A failed write is told to whoever wrote; as an event, too, which would end the process with a stack trace. */
export function ignoreStreamEvents(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
}

/** Lines for people, without what may be a key. */
export function printLines(lines: readonly string[]): Promise<void> {
  return writeStandardOutput(safe(lines.map((line) => `${line}\n`).join("")));
}

export function warn(warnings: readonly string[]): void {
  printErrors(warnings.map((warning) => `warning: ${warning}`));
}

/** @param lines without `confml: ` */
export function printErrors(lines: readonly string[]): void {
  process.stderr.write(safe(lines.map((line) => `confml: ${line}\n`).join("")));
}

function safe(text: string): string {
  return hideKeys(text, process.argv.slice(2));
}
