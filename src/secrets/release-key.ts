import { setTimeout as sleep } from "node:timers/promises";
import type { SecretEntry } from "../config/schema.js";
import { takeKey, type KeyUse } from "../crypto/aes-key.js";
import { BootError, UnavailableError, describeCause, describeFailure } from "../errors.js";
import type { KeyRegister } from "../keys/key-register.js";
import type { KeyVersion } from "../keys/key-versions.js";
import { withSignal } from "../bounds/deadline.js";
import type { FailedAttempt } from "../bounds/retry.js";
import type { ReleasedKey, SecretReleaseClient } from "./client.js";
import { writeKeyFile } from "./key-file.js";

export interface ReleaseOptions {
  clientFor: (secret: SecretEntry) => SecretReleaseClient;
  /** Whether this runs in an SGX enclave, where Mystikos' own runtime releases keys before the server starts. */
  insideSgx: boolean;
  /** What the secret's key is for. */
  useOf: (secret: SecretEntry) => KeyUse;
  /** Refuses a key that belongs to another secret. */
  register: KeyRegister;
  deadlineMs: number;
  onReleased: (secret: SecretEntry, details: ReleaseDetails) => void;
  onRetry: (secret: SecretEntry, attempt: FailedAttempt) => void;
  onFailed: (secret: SecretEntry, error: unknown) => void;
}

export interface ReleaseDetails {
  /** `client`: a SecretReleaseClient released the key. `runtime`: Mystikos' runtime wrote its file. */
  source: "client" | "runtime";
  /** Undefined: the vault names no version. */
  version: string | undefined;
  tookMs: number;
}

/** After a timeout, how long to wait for the client's error, which says what it was waiting for. */
const lateErrorMs = 500;

/**
 * Releases one secret and writes the key to its LocalPath. A key that belongs to another secret is refused before it
 * is written.
 *
 * @param signal aborts at the deadline
 * @throws BootError naming the secret and the step: the client's own, RELEASE_TIMEOUT, RELEASE_FAILED, KEY_REUSED or
 *   KEY_FILE_FAILED. The signal's reason if it aborts for another reason than a timeout
 */
export async function releaseKey(
  secret: SecretEntry,
  signal: AbortSignal,
  options: ReleaseOptions,
): Promise<KeyVersion> {
  const start = performance.now();
  const { key: bytes, version } = await callClient(secret, signal, options);
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

/** Rejects when the signal aborts, even if the client ignores it, as a native library may. */
async function callClient(
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
      wipeLateKey(released);
      if (!isTimeout(signal.reason)) throw signal.reason;
      throw new UnavailableError(
        "RELEASE_TIMEOUT",
        {
          doing,
          expected: `the key within ${deadlineMs} ms (Inference.Release.DeadlineMs)`,
          got: `no key by then (${await describeLateOutcome(released)})`,
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

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}

/** Wipes a key that arrives after the caller has stopped waiting. */
function wipeLateKey(released: Promise<ReleasedKey>): void {
  released.then(
    ({ key }) => key.fill(0),
    () => undefined,
  );
}

/** Describes how an aborted release ends, if it ends within `lateErrorMs`: its error names the step that failed. */
async function describeLateOutcome(released: Promise<ReleasedKey>): Promise<string> {
  const stillWaiting = "the last attempt is still waiting for an answer";
  return Promise.race([
    released.then(() => "the key came too late", describeFailure),
    sleep(lateErrorMs, stillWaiting),
  ]);
}
