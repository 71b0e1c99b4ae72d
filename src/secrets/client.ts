import type { SecretEntry } from "../config/schema.js";
import type { RetryContext } from "../bounds/retry.js";

export interface ReleasedKey {
  /** 32 bytes. The caller owns the buffer and wipes it. */
  key: Buffer;
  /** The version's name in the vault; absent: the client does not report one. */
  version?: string;
}

/** A client of a secret release service. There is one for each kind of `ClientLib`. */
export interface SecretReleaseClient {
  /**
   * Releases one key.
   *
   * @param context its signal aborts the release. A client may react late or never, so the caller enforces the deadline
   * @throws BootError naming the step that failed
   */
  release(secret: SecretEntry, context: RetryContext): Promise<ReleasedKey>;
}
