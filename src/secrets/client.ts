import type { SecretEntry } from "../config/schema.js";
import type { RetryContext } from "../bounds/retry.js";

/** Every key of confml is for AES-256. */
export const keyBytes = 32;

export interface ReleasedKey {
  /** 32 bytes, owned by the caller, who wipes them. */
  key: Buffer;
  /** Which version of the key the vault released, where it says so. */
  version?: string;
}

/** A client of a secure key release service: one for each kind of `ClientLib`. */
export interface SecretReleaseClient {
  /**
   * @throws BootError naming the step that failed. An aborted signal ends the attempt, but not
   *   always at once: the caller keeps the deadline.
   */
  release(secret: SecretEntry, context: RetryContext): Promise<ReleasedKey>;
}
