import { randomBytes } from "node:crypto";
import { closeSync, fchmodSync, fsync, lstatSync, openSync, rmSync, writeFile } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { withCleanup } from "./interruption.js";
import { writeFailure } from "./output-failure.js";
import { newFileOnly, placeAll, type Draft } from "./output-placing.js";
import { codeOf } from "./system-error.js";

const writeAll = promisify(writeFile);
const sync = promisify(fsync);

/** Mode bits: the owner's to read and write. */
const ownersOnly = 0o600;
/** Before the umask. */
const everybodys = 0o666;
/** File systems that cannot do it, and folders that may be written but not read. */
const noFolderSync = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "EISDIR", "EACCES", "EPERM"]);

export interface NewFile {
  path: string;
  content: Uint8Array | string;
  /** Mode 0600; otherwise that of the file replaced, or what the umask leaves of 0666. */
  isSecret: boolean;
  /** Whether a file that is there is replaced; otherwise nothing is, even if it appears meanwhile. */
  replaces: boolean;
}

/**
 * Makes files that are there whole or not at all, and all of them or none. Each is written under a random name in its
 * folder and is on the disk before it gets its own name: by rename(2), or, where it replaces nothing, by link(2), which
 * fails for a name that is taken. A signal or an error before that leaves what was there, and nothing beside it.
 * SIGKILL or a power cut may leave a file `.confml-….tmp`, and of several files the first ones.
 *
 * @param check called right before the names are given, in the same turn of the event loop; throws to stop that
 * @throws CommandError
 */
export async function writeFiles(files: readonly NewFile[], check: () => void): Promise<void> {
  const drafts = files.map((file): NewFile & Draft => {
    const beside = join(dirname(file.path), `.confml-${randomBytes(12).toString("hex")}`);
    return { ...file, temporary: `${beside}.tmp`, former: `${beside}.former.tmp` };
  });
  const removeDrafts = (): void => {
    for (const { temporary, former } of drafts) {
      rmSync(temporary, { force: true });
      rmSync(former, { force: true });
    }
  };
  await withCleanup(removeDrafts, async () => {
    for (const draft of drafts) await writeDraft(draft);
    check();
    placeAll(drafts);
  });
  for (const { path } of files) await syncFolderOf(path);
}

/** The file is opened synchronously, so that no signal comes between its making and the knowledge that it is there. */
async function writeDraft(draft: NewFile & Draft): Promise<void> {
  const { path, content, isSecret, replaces, temporary } = draft;
  try {
    const file = openSync(temporary, newFileOnly, isSecret ? ownersOnly : everybodys);
    try {
      const former = replaces ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
      if (!isSecret && former !== undefined) fchmodSync(file, former.mode & 0o777);
      await writeAll(file, content);
      await sync(file);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw writeFailure(path, cause);
  }
}

/** A name is on the disk when its folder is (fsync(2), "DESCRIPTION"). */
async function syncFolderOf(path: string): Promise<void> {
  try {
    const handle = await open(dirname(path), "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (!noFolderSync.has(codeOf(cause) ?? "")) throw writeFailure(path, cause);
  }
}
