import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UnavailableError, describeCause } from "../errors.js";
import { keyBytes } from "./client.js";

/** Always the same one, so that what a crash leaves is found at the next start. */
function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.confml-new`);
}

/**
 * Writes a released key where the configuration says, whole or not at all, for this user alone
 * (mode 0600): under a temporary name first, synced, then renamed.
 *
 * Not by libuv's pool: a thread of it could give the file its name after the end of the process has removed it.
 *
 * @throws UnavailableError KEY_FILE_FAILED
 */
export function writeKeyFile(path: string, key: Uint8Array): void {
  const temporary = temporaryName(path);
  try {
    rmSync(temporary, { force: true });
    try {
      // Not through whatever somebody may have put there meanwhile.
      const file = openSync(temporary, "wx", 0o600);
      try {
        writeFileSync(file, key);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  } catch (error) {
    throw failed(`writing ${path}`, error);
  }
}

/**
 * Deletes key files, and what a crash may have left of one; where there is none, that is fine. Not by libuv's pool, all
 * of whose threads may be held when the process is to end.
 *
 * @throws UnavailableError KEY_FILE_FAILED about the first that cannot be removed, once all that can be are
 */
export function removeKeyFiles(paths: readonly string[]): void {
  const failures: UnavailableError[] = [];
  for (const path of paths) {
    for (const file of [temporaryName(path), path]) {
      try {
        rmSync(file, { force: true });
      } catch (error) {
        failures.push(failed(`removing ${path}`, error));
      }
    }
  }
  if (failures[0] !== undefined) throw failures[0];
}

/**
 * Reads a key that the TEE's runtime wrote.
 *
 * @returns undefined where there is no such file
 * @throws UnavailableError KEY_FILE_FAILED where it is unreadable or not exactly 32 bytes
 */
export async function readKeyFile(path: string): Promise<Buffer | undefined> {
  let key: Buffer;
  try {
    key = await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw failed(`reading ${path}`, error);
  }
  if (key.length === keyBytes) return key;
  key.fill(0);
  throw failed(`reading ${path}`, new Error(`${key.length} bytes`));
}

function isMissing(error: unknown): boolean {
  return typeof error === "object" && error !== null && "code" in error && error.code === "ENOENT";
}

function failed(doing: string, cause: unknown): UnavailableError {
  return new UnavailableError(
    "KEY_FILE_FAILED",
    {
      doing,
      expected: `a key file of ${keyBytes} bytes that only this user reads`,
      got: describeCause(cause),
      fix: "Check the secret's LocalPath and the rights on its folder",
    },
    { cause },
  );
}
