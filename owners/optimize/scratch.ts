import { mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { withCleanup } from "../io/interruption.js";
import { writeFailure } from "../io/output-failure.js";

/**
 * Gives a folder beside a file to be, for its owner's eyes only (mode 0700), and takes it away, also where
 * the command is interrupted: weights lie in it.
 */
export async function withScratchFolder<T>(
  file: string,
  action: (folder: string) => Promise<T>,
): Promise<T> {
  let folder: string | undefined;
  const remove = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  return withCleanup(remove, async () => {
    folder = makeFolder(file);
    return action(folder);
  });
}

/** Synchronous, so that no signal comes between its making and the knowledge that it is there. */
function makeFolder(file: string): string {
  try {
    return mkdtempSync(join(dirname(file), ".confml-"));
  } catch (cause) {
    throw writeFailure(file, cause);
  }
}
