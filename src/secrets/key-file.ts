import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UnavailableError, describeCause } from "../errors.js";
import { aesKeyBytes } from "../crypto/aes-key.js";

/** @returns the path of a key file's temporary file. It is fixed, so that the next start after a crash removes the file. */
function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.confml-new`);
}

/**
 * Writes a released key to a file that only this user can read (mode 0600). The file is written under a temporary name,
 * synced and renamed, so that it never holds a part of the key.
 *
 * Synchronous: a thread of libuv's pool could rename the file after the end of the process has removed the key files.
 *
 * @param key 32 bytes
 * @throws UnavailableError KEY_FILE_FAILED
 */
export function writeKeyFile(path: string, key: Uint8Array): void {
  const temporary = temporaryName(path);
  try {
    rmSync(temporary, { force: true });
    try {
      // "wx" fails if the name exists, so that no link is followed.
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
 * Deletes key files and their temporary files; missing files are no error. Synchronous, because all threads of libuv's
 * pool may be busy when the process has to end.
 *
 * @throws UnavailableError KEY_FILE_FAILED about the first file that cannot be removed, after all others are removed
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
 * @returns undefined if there is no such file
 * @throws UnavailableError KEY_FILE_FAILED if it is unreadable or does not have exactly 32 bytes
 */
export async function readKeyFile(path: string): Promise<Buffer | undefined> {
  let key: Buffer;
  try {
    key = await readFile(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw failed(`reading ${path}`, error);
  }
  if (key.length === aesKeyBytes) return key;
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
      expected: `a key file of ${aesKeyBytes} bytes that only this user reads`,
      got: describeCause(cause),
      fix: "Check the secret's LocalPath and the rights on its folder",
    },
    { cause },
  );
}
