import { randomBytes, timingSafeEqual } from "node:crypto";
import type { AesKey } from "../crypto/aes-key.js";
import { RefusedError } from "../errors.js";

/** Of one secret: a vault that rotates without end must not fill the memory. */
const mostRemembered = 1024;

/**
 * Which secret each released key belongs to. Two secrets with the same bytes would be one key with two uses, whatever
 * the configuration calls them: what opens `.encrypted` uploads would then open JWE or the model as well. A key that
 * has expired counts too, because files that were encrypted under it still exist. A restart forgets former keys.
 */
export class KeyRegister {
  readonly #challenge = randomBytes(32);
  readonly #fingerprints = new Map<string, Buffer[]>();

  /**
   * Notes that `key` is the secret's.
   *
   * @throws RefusedError KEY_REUSED where it is, or was, another secret's
   */
  claim(id: string, key: AesKey): void {
    const fingerprint = key.fingerprint(this.#challenge);
    const holders = [...this.#fingerprints]
      // Each one is compared, in constant time, so that the time does not tell which one is equal.
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
    // At the end also where it is known: a key in use is not to be forgotten.
    this.#fingerprints.set(id, [...others, fingerprint].slice(-mostRemembered));
  }
}

function count(known: readonly Buffer[], fingerprint: Buffer): number {
  return known.filter((one) => timingSafeEqual(one, fingerprint)).length;
}
