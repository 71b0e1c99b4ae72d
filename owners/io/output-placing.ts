import { closeSync, constants, linkSync, openSync, renameSync, rmSync } from "node:fs";
import { writeFailure } from "./output-failure.js";
import { codeOf } from "./system-error.js";

export const newFileOnly =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Errors of link(2) on file systems without hard links, such as FAT. */
const noLinks = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/** A file that is completely written under a temporary name. */
export interface Draft {
  path: string;
  /** The temporary path, in the same folder. */
  temporary: string;
  /** A path in that folder for the file that is replaced, until all drafts have their names. */
  former: string;
  /** Whether an existing file is replaced. */
  replaces: boolean;
}

/**
 * Renames drafts to their final names: all of them or, if one fails, none. Synchronous, so that no signal is handled
 * between two of them.
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

/** @returns a function that removes the file again */
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
  // Without hard links: an empty file, created exclusively, reserves the name, and the draft replaces it.
  closeSync(openSync(path, newFileOnly, 0o600));
  try {
    renameSync(temporary, path);
    return remove;
  } catch (error) {
    remove();
    throw error;
  }
}

/** @returns a function that restores the former file, if it could be kept */
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
