import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { dirname, join } from "node:path";

const signals = ["SIGINT", "SIGTERM"] as const;

/**
 * Gives a folder beside a file to be, for its owner's eyes only (mode 0700), and takes it away, also where
 * the command is interrupted: weights lie in it.
 */
export async function withScratchFolder<T>(
  file: string,
  action: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(dirname(file), ".confml-"));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  const leave = (signal: NodeJS.Signals): void => {
    remove();
    // The signal's own way, now that nobody listens.
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.once(signal, leave);
  try {
    return await action(folder);
  } finally {
    for (const signal of signals) process.removeListener(signal, leave);
    remove();
  }
}
