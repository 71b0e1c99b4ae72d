import { closeSync, constants, linkSync, openSync, renameSync, rmSync } from "node:fs";
import { writeFailure } from "./output-failure.js";
import { codeOf } from "./system-error.js";

export const newFileOnly =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** What link(2) answers on file systems without hard links, such as a memory stick's. */
const noLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** A file that is written, and waits for its name. */
export interface Draft {
  path: string;
  /** Where it is now: in the same folder. */
  temporary: string;
  /** A name in that folder for the file to be replaced, until all drafts have theirs. */
  former: string;
  /** Whether a file that is there is replaced; otherwise nothing is, even if it appeared a moment ago. */
  replaces: boolean;
}

/**
 * Gives drafts their names: all or, where one fails, none. Synchronous, so that no signal comes between two of them.
 *
 * @throws CommandError
 */
export function placeAll(drafts: readonly Draft[]): void {
  const undo: (() => void)[] = [];
  for (const [index, draft] of drafts.entries()) {
    try {
      if (!draft.replaces) undo.push(placeNew(draft));
      else if (index < drafts.length - 1) undo.push(replaceForNow(draft));
      else renameSync(draft.temporary, draft.path);
    } catch (cause) {
      for (const step of undo.reverse()) step();
      throw writeFailure(draft.path, cause);
    }
  }
}

/** @returns what takes the file away again */
function placeNew({ path, temporary }: Draft): () => void {
  const remove = (): void => {
    rmSync(path, { force: true });
  };
  try {
    linkSync(temporary, path);
    return remove;
  } catch (error) {
    if (!noLinks.has(codeOf(error) ?? "")) throw error;
  }
  // Without links, an empty file of our own holds the name, and is replaced at once.
  closeSync(openSync(path, newFileOnly, 0o600));
  try {
    renameSync(temporary, path);
    return remove;
  } catch (error) {
    remove();
    throw error;
  }
}

/** @returns what puts the former file back, where it could be kept */
function replaceForNow({ path, temporary, former }: Draft): () => void {
  const kept = keep(path, former);
  renameSync(temporary, path);
  return () => {
    if (kept === "kept") renameSync(former, path);
    else if (kept === "none") rmSync(path, { force: true });
  };
}

function keep(path: string, former: string): "kept" | "none" | "not kept" {
  try {
    linkSync(path, former);
    return "kept";
  } catch (error) {
    return codeOf(error) === "ENOENT" ? "none" : "not kept";
  }
}
