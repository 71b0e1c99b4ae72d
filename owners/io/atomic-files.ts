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

/** Mode bits: only the owner may read and write. */
const ownerOnly = 0o600;
/** Mode bits before the umask: all users may read and write. */
const anyone = 0o666;
/** Errors of fsync on a folder if the file system does not support it, or the folder may be written but not read. */
const noFolderSync = new Set(["EINVAL", "ENOTSUP", "EOPNOTSUPP", "EISDIR", "EACCES", "EPERM"]);

/** An iterable is written as it yields; its CommandErrors are passed on. */
export type FileContent = Uint8Array | string | AsyncIterable<Uint8Array>;

export interface NewFile {
  path: string;
  content: FileContent;
  /** If true, mode 0600; otherwise the mode of the replaced file, or 0666 less the umask. */
  isSecret: boolean;
  /** Whether an existing file is replaced. If false, a file that another process creates meanwhile is not replaced either. */
  replaces: boolean;
}

/**
 * Writes files atomically: each completely, and all of them or none. Each is first written under a random name in its
 * folder and flushed to the disk. Then it gets its name by rename(2) or, if it must not replace a file, by link(2), which
 * fails if the name exists. After a signal or an error before that, the folder is as it was. SIGKILL or a power failure
 * may leave a file `.confml-….tmp`, or the first of several files.
 *
 * @param check called right before the files get their names, in the same turn of the event loop; throws to prevent it
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

/** The file is created synchronously, so that a signal cannot arrive before the cleanup knows of the file. */
async function writeDraft(draft: NewFile & Draft): Promise<void> {
  const { path, content, isSecret, replaces, temporary } = draft;
  try {
    const file = openSync(temporary, newFileOnly, isSecret ? ownerOnly : anyone);
    try {
      const former = replaces ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
      if (!isSecret && former !== undefined) fchmodSync(file, former.mode & 0o777);
      await writeContent(file, content);
      await sync(file);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw writeFailure(path, cause);
  }
}

/** Flushes the folder: fsync(2) of a file does not flush its directory entry ("DESCRIPTION"). */
async function writeContent(file: number, content: FileContent): Promise<void> {
  if (typeof content === "string" || content instanceof Uint8Array) {
    await writeAll(file, content);
    return;
  }
  for await (const part of content) await writeAll(file, part);
}

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
