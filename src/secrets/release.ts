import { setTimeout as sleep } from "node:timers/promises";
import type { SecretEntry } from "../config/schema.js";
import { takeKey, type KeyUse } from "../crypto/aes-key.js";
import { BootError, UnavailableError, describeCause, describeFailure } from "../errors.js";
import { Deadline, withSignal } from "../bounds/deadline.js";
import type { FailedAttempt } from "../bounds/retry.js";
import type { ReleasedKey, SecretReleaseClient } from "./client.js";
import { readKeyFile, removeKeyFiles, writeKeyFile } from "./key-file.js";
import type { KeyRegister } from "./key-register.js";
import type { KeyVersion } from "./key-versions.js";

export interface ReleaseOptions {
  clientFor: (secret: SecretEntry) => SecretReleaseClient;
  /** Whether this runs in an SGX enclave, where Mystikos' own runtime releases keys before us. */
  insideSgx: boolean;
  /** What the secret's key is for. */
  useOf: (secret: SecretEntry) => KeyUse;
  /** Refuses a key that is another secret's. */
  register: KeyRegister;
  deadlineMs: number;
  onReleased: (secret: SecretEntry, details: ReleaseDetails) => void;
  onRetry: (secret: SecretEntry, attempt: FailedAttempt) => void;
  onFailed: (secret: SecretEntry, error: unknown) => void;
}

export interface ReleaseDetails {
  source: "client" | "runtime";
  version: string | undefined;
  tookMs: number;
}

export interface SecretRoles {
  /** Without each of these nothing starts. */
  required: readonly SecretEntry[];
  /** Those that open uploads: without one of these the others are served, and without all of them nothing starts. */
  owners: readonly SecretEntry[];
  /** Without these everything starts. */
  optional: readonly SecretEntry[];
}

/** Released keys by their secrets' IDs. */
export type ReleasedKeys = ReadonlyMap<string, KeyVersion>;

/** How long an attempt that was told to end may take to say why it had not ended before. */
const lastWordsMs = 500;

/**
 * Releases all secrets, side by side, each to its LocalPath: every required one and at least one
 * owner's, or none, and then no key file is left.
 *
 * A key file that is already there counts only where the TEE's runtime wrote it (under SGX, for a
 * native library's entry). Everywhere else it is deleted first, so no restart skips attestation.
 *
 * @throws BootError naming the secret and the step
 */
export async function releaseAll(
  { required, owners, optional }: SecretRoles,
  options: ReleaseOptions,
): Promise<ReleasedKeys> {
  const secrets = [...required, ...owners, ...optional];
  const keys = new Map<string, KeyVersion>();
  const deadline = new Deadline(options.deadlineMs);
  const { signal } = deadline;
  const fatal: { error?: unknown } = {};
  let lostOwners = 0;
  const release = async (secret: SecretEntry): Promise<void> => {
    try {
      keys.set(
        secret.ID,
        (await takeFromRuntime(secret, options)) ?? (await releaseKey(secret, signal, options)),
      );
    } catch (error) {
      // Whatever fails after the first fatal failure was told to.
      if ("error" in fatal) return;
      options.onFailed(secret, error);
      lostOwners += owners.includes(secret) ? 1 : 0;
      const isLastOwner = owners.includes(secret) && lostOwners === owners.length;
      if (!required.includes(secret) && !isLastOwner && !isReused(error)) return;
      fatal.error = error;
      deadline.abort(error);
    }
  };
  try {
    removeKeyFiles(pathsOf(secrets.filter((secret) => !isRuntimeReleased(secret, options))));
    await Promise.all(secrets.map(release));
    if ("error" in fatal) throw fatal.error;
    return keys;
  } catch (error) {
    // Why it failed matters more than what is left, which the next start removes.
    attemptRemoval(secrets);
    throw error;
  } finally {
    deadline.end();
  }
}

/**
 * Releases one secret to its LocalPath. A key that is another secret's is refused before it is written.
 *
 * @param signal aborts when time is up
 * @throws BootError naming the secret and the step
 */
export async function releaseKey(
  secret: SecretEntry,
  signal: AbortSignal,
  options: ReleaseOptions,
): Promise<KeyVersion> {
  const start = performance.now();
  const { key: bytes, version } = await attempt(secret, signal, options);
  try {
    const key = await takeKey(Uint8Array.from(bytes), options.useOf(secret));
    options.register.claim(secret.ID, key);
    writeKeyFile(secret.LocalPath, bytes);
    const tookMs = Math.round(performance.now() - start);
    options.onReleased(secret, { source: "client", version, tookMs });
    return { key, version };
  } finally {
    bytes.fill(0);
  }
}

function pathsOf(secrets: readonly SecretEntry[]): string[] {
  return secrets.map(({ LocalPath: path }) => path);
}

function attemptRemoval(secrets: readonly SecretEntry[]): void {
  try {
    removeKeyFiles(pathsOf(secrets));
  } catch {
    // As the caller says.
  }
}

async function takeFromRuntime(
  secret: SecretEntry,
  options: ReleaseOptions,
): Promise<KeyVersion | undefined> {
  if (!isRuntimeReleased(secret, options)) return undefined;
  const bytes = await readKeyFile(secret.LocalPath);
  if (bytes === undefined) return undefined;
  const key = await takeKey(bytes, options.useOf(secret));
  options.register.claim(secret.ID, key);
  options.onReleased(secret, { source: "runtime", version: undefined, tookMs: 0 });
  return { key, version: undefined };
}

function isRuntimeReleased(secret: SecretEntry, { insideSgx }: ReleaseOptions): boolean {
  return insideSgx && secret.ClientLib.endsWith(".so");
}

/** A client may hang in a library that ignores its signal; the deadline holds all the same. */
async function attempt(
  secret: SecretEntry,
  signal: AbortSignal,
  { clientFor, deadlineMs, onRetry }: ReleaseOptions,
): Promise<ReleasedKey> {
  const doing = `releasing ${secret.ID} from ${secret.SrsAddress}`;
  const released = clientFor(secret).release(secret, {
    signal,
    onRetry: (failed) => {
      onRetry(secret, failed);
    },
  });
  try {
    return await withSignal(released, signal);
  } catch (cause) {
    if (signal.aborted) {
      wipeLate(released);
      if (!isTimeout(signal.reason)) throw signal.reason;
      throw new UnavailableError(
        "RELEASE_TIMEOUT",
        {
          doing,
          expected: `the key within ${deadlineMs} ms (Inference.Release.DeadlineMs)`,
          got: `no key by then (${await lastWords(released)})`,
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

/** Which of the two owners has the other's key cannot be told, so neither is served. */
function isReused(error: unknown): boolean {
  return error instanceof BootError && error.code === "KEY_REUSED";
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

/** A key that comes when nobody waits for it any more. */
function wipeLate(released: Promise<ReleasedKey>): void {
  released.then(
    ({ key }) => key.fill(0),
    () => undefined,
  );
}

/** What an aborted attempt says at last, which is what it met all the time, if it says it soon. */
async function lastWords(released: Promise<ReleasedKey>): Promise<string> {
  const silence = "the last attempt is still waiting for an answer";
  return Promise.race([
    released.then(() => "the key came too late", describeFailure),
    sleep(lastWordsMs, silence),
  ]);
}
