import { randomBytes, timingSafeEqual } from "node:crypto";
import type { AesKey } from "../crypto/aes-key.js";
import { RefusedError } from "../errors.js";

/** The number of keys that are remembered for each secret. It bounds the memory if a vault rotates without end. */
const mostRemembered = 1024;

/**
 * Remembers which secret each released key belongs to. Two secrets with the same bytes would be one key with two uses:
 * the key of `.encrypted` uploads would open JWE or the model as well. Expired keys are remembered too, because files
 * encrypted under them still exist. Former keys are forgotten at a restart.
 */
export class KeyRegister {
  readonly #challenge = randomBytes(32);
  readonly #fingerprints = new Map<string, Buffer[]>();

  /**
   * Records that a key belongs to a secret.
   *
   * @param id the secret's ID
   * @throws RefusedError KEY_REUSED if the key is, or was, another secret's; then it is not recorded
   */
  claim(id: string, key: AesKey): void {
    const fingerprint = key.fingerprint(this.#challenge);
    const holders = [...this.#fingerprints]
      // All are compared, each in constant time, so that the time does not reveal which one is equal.
      .map(([holder, known]) => ({ holder, equal: count(known, fingerprint) }))
      .filter(({ equal }) => equal > 0)
      .map(({ holder }) => holder);
    const other = holders.find((holder) => holder !== id);
    if (other !== undefined) {
      throw new RefusedError("KEY_REUSED", {
        doing: `comparing the released key of ${id} with the other secrets' keys`,
        expected: "a key of its own for each secret, because a key that serves two uses opens both",
        got: `the same bytes as ${other}'s`,
        fix: "Make a new key for each of the two (confml key create): what was encrypted under the old one stays readable to whoever can use either",
      });
    }
    const others = (this.#fingerprints.get(id) ?? []).filter((one) => !one.equals(fingerprint));
    // A known key moves to the end, because the oldest are forgotten first.
    this.#fingerprints.set(id, [...others, fingerprint].slice(-mostRemembered));
  }
}

function count(known: readonly Buffer[], fingerprint: Buffer): number {
  return known.filter((one) => timingSafeEqual(one, fingerprint)).length;
}
