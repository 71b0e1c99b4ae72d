import { rmSync } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";
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
 * @throws UnavailableError KEY_FILE_FAILED
 */
export async function writeKeyFile(path: string, key: Uint8Array): Promise<void> {
  const temporary = temporaryName(path);
  await explain(`writing ${path}`, async () => {
    await rm(temporary, { force: true });
    try {
      // Not through whatever somebody may have put there meanwhile.
      const file = await open(temporary, "wx", 0o600);
      try {
        await file.writeFile(key);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  });
}

/**
 * Deletes a key file, and what a crash may have left of one; where there is none, that is fine. Not by libuv's pool, all
 * of whose threads may be held when the process is to end.
 */
export async function removeKeyFile(path: string): Promise<void> {
  await explain(`removing ${path}`, () => {
    rmSync(temporaryName(path), { force: true });
    rmSync(path, { force: true });
    return Promise.resolve();
  });
}

/**
 * Reads a key that the TEE's runtime wrote.
 *
 * @returns undefined where there is no such file
 * @throws UnavailableError KEY_FILE_FAILED where it is unreadable or not exactly 32 bytes
 */
export async function readKeyFile(path: string): Promise<Buffer | undefined> {
  return explain(`reading ${path}`, async () => {
    let key: Buffer;
    try {
      key = await readFile(path);
    } catch (error) {
      if (
        typeof error === "object" &&
        error !== null &&
        "code" in error &&
        error.code === "ENOENT"
      ) {
        return undefined;
      }
      throw error;
    }
    if (key.length === keyBytes) return key;
    key.fill(0);
    throw new Error(`${key.length} bytes`);
  });
}

async function explain<T>(doing: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new UnavailableError(
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
}
