import { readFile, writeFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";

export const standardStream = "-";

export async function readInput(file: string): Promise<Buffer> {
  return file === standardStream ? buffer(process.stdin) : readFile(file);
}

/** Opened only now that there is something to write. */
export async function writeOutput(file: string, content: Uint8Array | string): Promise<void> {
  if (file !== standardStream) {
    await writeFile(file, content);
    return;
  }
  await new Promise<void>((resolve, reject) => {
    // A reader that has gone, as `head` does, is told by event as well, which would end the process.
    process.stdout.on("error", reject);
    process.stdout.write(content, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}

export function printLines(lines: readonly string[]): Promise<void> {
  return writeOutput(standardStream, lines.map((line) => `${line}\n`).join(""));
}

export function warn(warnings: readonly string[]): void {
  process.stderr.write(warnings.map((warning) => `confml: warning: ${warning}\n`).join(""));
}
