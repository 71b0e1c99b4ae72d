import { setTimeout as sleep } from "node:timers/promises";
import type { SecretEntry } from "../config/schema.js";
import { BootError, UnavailableError, describeCause } from "../errors.js";
import { withSignal } from "../net/retry.js";
import type { ReleasedKey, SecretReleaseClient } from "./client.js";
import { readKeyFile, removeKeyFile, writeKeyFile } from "./key-file.js";

export interface ReleaseOptions {
  secrets: readonly SecretEntry[];
  clientFor: (secret: SecretEntry) => SecretReleaseClient;
  /** Whether this runs in an SGX enclave, where Mystikos' own runtime releases keys before us. */
  insideSgx: boolean;
  deadlineMs: number;
  onReleased: (secret: SecretEntry, source: "client" | "runtime", tookMs: number) => void;
}

/** How long an attempt that was told to end may take to say why it had not ended before. */
const lastWordsMs = 500;

/** Released keys by their secrets' IDs. */
export type KeyRing = ReadonlyMap<string, ReleasedKey>;

/**
 * Releases every secret and writes each to its LocalPath; all of them or none: after a failure no key
 * file is left.
 *
 * A key file that is already there counts only where the TEE's runtime wrote it (under SGX, for a
 * native library's entry). Everywhere else it is deleted first, so no restart skips attestation.
 *
 * @throws BootError naming the secret and the step
 */
export async function releaseSecrets(options: ReleaseOptions): Promise<KeyRing> {
  const { secrets, deadlineMs } = options;
  const keys = new Map<string, ReleasedKey>();
  const signal = AbortSignal.timeout(deadlineMs);
  try {
    for (const secret of secrets) {
      if (!isRuntimeReleased(secret, options)) await removeKeyFile(secret.LocalPath);
    }
    // One after the other: the first call on a new vault client has to be made alone.
    for (const secret of secrets) keys.set(secret.ID, await releaseOne(secret, signal, options));
    return keys;
  } catch (error) {
    wipeKeys(keys);
    await removeKeyFiles(secrets);
    throw error;
  }
}

/** Ends the keys' stay in memory; what already reads them goes on with zeros, so call it last. */
export function wipeKeys(keys: KeyRing): void {
  for (const { key } of keys.values()) key.fill(0);
}

export async function removeKeyFiles(secrets: readonly SecretEntry[]): Promise<void> {
  for (const secret of secrets) await removeKeyFile(secret.LocalPath);
}

async function releaseOne(
  secret: SecretEntry,
  signal: AbortSignal,
  options: ReleaseOptions,
): Promise<ReleasedKey> {
  const start = performance.now();
  const done = (source: "client" | "runtime"): void => {
    options.onReleased(secret, source, Math.round(performance.now() - start));
  };
  if (isRuntimeReleased(secret, options)) {
    const key = await readKeyFile(secret.LocalPath);
    if (key !== undefined) {
      done("runtime");
      return { key };
    }
  }
  const released = await withDeadline(secret, signal, options);
  await writeKeyFile(secret.LocalPath, released.key);
  done("client");
  return released;
}

function isRuntimeReleased(secret: SecretEntry, { insideSgx }: ReleaseOptions): boolean {
  return insideSgx && secret.ClientLib.endsWith(".so");
}

/** A client may hang in a library that ignores its signal; the deadline holds all the same. */
async function withDeadline(
  secret: SecretEntry,
  signal: AbortSignal,
  { clientFor, deadlineMs }: ReleaseOptions,
): Promise<ReleasedKey> {
  const doing = `releasing ${secret.ID} from ${secret.SrsAddress}`;
  const attempt = clientFor(secret).release(secret, signal);
  try {
    return await withSignal(attempt, signal);
  } catch (cause) {
    if (signal.aborted) {
      throw new UnavailableError(
        "RELEASE_TIMEOUT",
        {
          doing,
          expected: `the key within ${deadlineMs} ms (Inference.Release.DeadlineMs)`,
          got: `no key by then (${await lastWords(attempt)})`,
          fix: "Check that the vault, Azure AD and the attestation service can be reached",
        },
        { cause },
      );
    }
    if (cause instanceof BootError) throw cause;
    throw new UnavailableError(
      "RELEASE_FAILED",
      {
        doing,
        expected: "the key",
        got: describeCause(cause),
        fix: "Check the network, then start again",
      },
      { cause },
    );
  }
}

/** What an aborted attempt says at last, which is what it met all the time, if it says it soon. */
async function lastWords(attempt: Promise<ReleasedKey>): Promise<string> {
  const silence = "the last attempt is still waiting for an answer";
  return Promise.race([
    attempt.then(({ key }) => {
      key.fill(0);
      return "the key came too late";
    }, describeCause),
    sleep(lastWordsMs, silence),
  ]);
}
