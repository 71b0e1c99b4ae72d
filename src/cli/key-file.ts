import { randomBytes } from "node:crypto";
import { open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { aesKeyBytes } from "../crypto/aes-key.js";
import { describeCause } from "../errors.js";
import { CommandError, UsageError } from "./usage.js";

/** 32 bytes as hex, base64 or base64url. */
const keyAsText = /^(?:[0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)$/u;

/**
 * @returns 32 bytes, the caller's to wipe
 * @throws Error; UsageError for what seems to be a key itself, and is not repeated then
 */
export async function readKeyFile(file: string): Promise<Buffer> {
  const key = await readFile(file).catch((error: unknown) => {
    if (keyAsText.test(file)) {
      throw new UsageError("--key wants the name of a file, not the key itself");
    }
    throw error;
  });
  if (key.length === aesKeyBytes) return key;
  key.fill(0);
  throw new Error(`${file}: expected a key of ${aesKeyBytes} bytes; got ${key.length}`);
}

/**
 * Makes a key in a new file that only its owner may read, and that is on the disk when this returns:
 * what is encrypted under a key that a power cut took is lost.
 *
 * @returns 32 bytes, the caller's to wipe
 */
export async function createKeyFile(file: string): Promise<Buffer> {
  const handle = await open(file, "wx", 0o600).catch((cause: unknown) => {
    const message = describeCause(cause);
    if (!message.startsWith("EEXIST")) throw new Error(message, { cause });
    const hint = "give another name, or use confml key import for the key that it holds";
    throw new CommandError(`${file} is there already, and stays as it is`, [hint], { cause });
  });
  const key = randomBytes(aesKeyBytes);
  try {
    await handle.writeFile(key);
    await handle.sync();
    await handle.close();
    await syncFolder(dirname(file));
    return key;
  } catch (error) {
    key.fill(0);
    await handle.close().catch(() => undefined);
    await rm(file, { force: true });
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
