import type { KeyObject } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

/** A file system in memory. */
const memory = "/dev/shm";
const signals = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;

/**
 * Writes a key to a file, which is the only form Mystikos accepts, and removes it when `use` has settled. Only this user
 * can read it (mode 0600 in a folder of 0700). Signals remove it as well, except SIGKILL.
 *
 * @param use called with the file's path
 * @returns the result of `use`
 */
export async function withKeyFile<T>(
  key: KeyObject,
  use: (file: string) => Promise<T>,
): Promise<T> {
  let folder: string | undefined;
  const remove = (): void => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    remove();
    // With another listener a program is running: command.ts passes the signal on to it and waits for its end.
    if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.on("exit", remove);
  try {
    folder = mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), "confml-key-"));
    const file = join(folder, "signing.pem");
    const pem = key.export({ type: "pkcs1", format: "pem" });
    writeFileSync(file, pem, { mode: 0o600, flag: "wx" });
    return await use(file);
  } finally {
    remove();
    process.off("exit", remove);
    for (const signal of signals) process.off(signal, onSignal);
  }
}
