import { createKeyFile } from "./key-file.js";
import { parseOptions } from "../options.js";
import { forEachFile } from "../report.js";
import { printLines } from "../io/streams.js";
import { UsageError } from "../usage.js";

/** `confml keygen`: creates keys in new files. @throws UsageError, CommandError */
export async function keygenCommand(argv: string[]): Promise<number> {
  const { positionals: files } = parseOptions(argv, {});
  if (files.length === 0) throw new UsageError("give one FILE, or several");
  return forEachFile(files, "keygen", async (file) => {
    const key = await createKeyFile(file);
    key.fill(0);
    await printLines([describeNewKey(file)]);
  });
}

/** The line that reports a new key file. */
export function describeNewKey(file: string): string {
  return `made a key in ${file}: it is what you encrypt with, so keep it safe and to yourself`;
}
