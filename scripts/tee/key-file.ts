import type { KeyObject } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

/** Files in here are on no disk. */
const memory = "/dev/shm";
const signals = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;

/**
 * Mystikos takes the key as a file alone: nobody else's (0600 in a folder of 0700), and there no longer than `use`
 * takes. A signal removes it before anything else; SIGKILL alone leaves it, in memory.
 *
 * @param use is given the file's path
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
    // A program that is running gets the signal too (command.ts), and ends what waits for it.
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
