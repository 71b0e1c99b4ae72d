import type { SecretEntry } from "../config/schema.js";
import { takeKey } from "../crypto/aes-key.js";
import { BootError } from "../errors.js";
import type { KeyVersion } from "../keys/key-versions.js";
import { Deadline } from "../bounds/deadline.js";
import { readKeyFile, removeKeyFiles } from "./key-file.js";
import { releaseKey, type ReleaseOptions } from "./release-key.js";

/** The secrets by what happens if their key cannot be released. */
export interface SecretRoles {
  /** The server does not start without each of these. */
  required: readonly SecretEntry[];
  /** Keys that open uploads. The server starts if at least one is released. */
  owners: readonly SecretEntry[];
  /** The server starts without these. */
  optional: readonly SecretEntry[];
}

/** Released keys by their secrets' IDs. */
export type ReleasedKeys = ReadonlyMap<string, KeyVersion>;

/**
 * Releases all secrets in parallel under one deadline, and writes each key to its LocalPath. It fails, and removes all
 * key files, if a required key or every owner's key is missing, or if two secrets have the same key.
 *
 * A key file that exists already is used only if the TEE's runtime wrote it (under SGX, for a native library's entry).
 * Any other is deleted first, so that a restart cannot skip attestation.
 *
 * @throws BootError of the first failure that stops the boot
 */
export async function releaseAll(
  roles: SecretRoles,
  options: ReleaseOptions,
): Promise<ReleasedKeys> {
  const secrets = [...roles.required, ...roles.owners, ...roles.optional];
  const deadline = new Deadline(options.deadlineMs);
  try {
    removeKeyFiles(pathsOf(secrets.filter((secret) => !isRuntimeReleased(secret, options))));
    return await releaseInParallel(roles, deadline, options);
  } catch (error) {
    removeWhatCanBeRemoved(secrets);
    throw error;
  } finally {
    deadline.end();
  }
}

/** Settles when no release is running any more. The first fatal failure aborts the others. */
async function releaseInParallel(
  { required, owners, optional }: SecretRoles,
  deadline: Deadline,
  options: ReleaseOptions,
): Promise<ReleasedKeys> {
  const keys = new Map<string, KeyVersion>();
  const missingOwners = new Set<SecretEntry>();
  let isStopping = false;
  const isFatal = (secret: SecretEntry, error: unknown): boolean =>
    required.includes(secret) ||
    isReused(error) ||
    (missingOwners.has(secret) && missingOwners.size === owners.length);
  const release = async (secret: SecretEntry): Promise<void> => {
    try {
      const runtimeKey = await takeFromRuntime(secret, options);
      keys.set(secret.ID, runtimeKey ?? (await releaseKey(secret, deadline.signal, options)));
    } catch (error) {
      // Failures after the fatal one are its consequence, and are not reported.
      if (isStopping) return;
      options.onFailed(secret, error);
      if (owners.includes(secret)) missingOwners.add(secret);
      if (!isFatal(secret, error)) return;
      isStopping = true;
      deadline.abort(error);
      throw error;
    }
  };
  const results = await Promise.allSettled([...required, ...owners, ...optional].map(release));
  const fatal = results.find((result) => result.status === "rejected");
  if (fatal !== undefined) throw fatal.reason;
  return keys;
}

function pathsOf(secrets: readonly SecretEntry[]): string[] {
  return secrets.map(({ LocalPath: path }) => path);
}

/** Used after a failure, whose error must not be replaced by this one's. The next start removes what is left. */
function removeWhatCanBeRemoved(secrets: readonly SecretEntry[]): void {
  try {
    removeKeyFiles(pathsOf(secrets));
  } catch {
    // The caller throws the failure that came first.
  }
}

/** @returns the key that Mystikos' runtime released; undefined: it does not release this secret, or wrote no file */
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

/** Nothing tells which of the two owners has the other's key, so the boot fails. */
function isReused(error: unknown): boolean {
  return error instanceof BootError && error.code === "KEY_REUSED";
}
