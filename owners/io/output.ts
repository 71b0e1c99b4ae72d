import { constants, writeFile } from "node:fs";
import { open } from "node:fs/promises";
import { isatty } from "node:tty";
import { promisify } from "node:util";
import { writeFiles, type FileContent } from "./atomic-files.js";
import { writeFailure } from "./output-failure.js";
import { findTarget, type OutputRules } from "./output-target.js";
import { standardStream, writeStandardOutput } from "./streams.js";
import { isText } from "./text.js";
import { CommandError } from "../usage.js";

const writeAll = promisify(writeFile);

export interface Output {
  /** A path; `-` is standard output. */
  file: string;
  content: Uint8Array | string;
  /** Whether a new file gets mode 0600: keys and decrypted data. */
  isSecret: boolean;
}

/**
 * Writes an output of a command. Files are written atomically (atomic-files.ts) and within `rules`; pipes, terminals and
 * devices are written to directly.
 *
 * @throws UsageError, CommandError; BrokenPipe if the reader has closed the pipe
 */
export async function writeOutput(output: Output, rules: OutputRules): Promise<void> {
  const { file, content } = output;
  const target = findTarget(file, rules);
  switch (target.kind) {
    case "file":
      await writeNewFiles([output], rules);
      return;
    case "stream":
      await writeStream(file, content, rules);
      return;
    case "descriptor":
      refuseBytes(target.descriptor, content, rules);
      if (target.descriptor === 1) await writeStandardOutput(content);
      else await failing(file, writeAll(target.descriptor, content));
  }
}

/**
 * Writes files that belong together: all of them or none.
 *
 * @throws UsageError, CommandError
 */
export async function writeNewFiles(
  outputs: readonly (Omit<Output, "content"> & { content: FileContent })[],
  rules: OutputRules,
): Promise<void> {
  const check = (): void => {
    checkFiles(outputs, rules);
  };
  check();
  const files = outputs.map(({ file, ...rest }) => ({
    ...rest,
    path: file,
    replaces: rules.force,
  }));
  await writeFiles(files, check);
}

/**
 * Refuses outputs that `writeNewFiles` would refuse. Called before long work, so that it is not done in vain.
 *
 * @throws UsageError, CommandError
 */
export function checkFiles(outputs: readonly Pick<Output, "file">[], rules: OutputRules): void {
  for (const { file } of outputs) {
    if (findTarget(file, rules).kind === "file") continue;
    const what = file === standardStream ? "standard output" : file;
    throw new CommandError(`${what} is no file`, ["give the name of a new file"]);
  }
}

async function writeStream(file: string, content: Output["content"], rules: OutputRules) {
  const handle = await failing(file, open(file, constants.O_WRONLY | constants.O_NOCTTY));
  try {
    if ((await handle.stat()).isFile()) throw new CommandError(`${file} has become a file`, []);
    refuseBytes(handle.fd, content, rules);
    await failing(file, handle.writeFile(content));
  } finally {
    await handle.close();
  }
}

async function failing<T>(file: string, action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (cause) {
    throw writeFailure(file, cause);
  }
}

/** @throws CommandError for binary data, which a terminal could take for commands */
function refuseBytes(descriptor: number, content: Output["content"], { force }: OutputRules): void {
  if (force || typeof content === "string" || !isatty(descriptor) || isText(content)) return;
  throw new CommandError("these bytes are no text, and would go to a terminal", [
    "-o FILE writes them to a file; --force (-f) shows them all the same",
  ]);
}
