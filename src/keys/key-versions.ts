import type { AesKey } from "../crypto/aes-key.js";

export interface KeyVersion<Key extends AesKey = AesKey> {
  key: Key;
  /** The version's name in the vault; undefined: the client does not report one. */
  version: string | undefined;
}

/** What a released key was, compared with the current one. */
export type AcceptOutcome = "first" | "unchanged" | "rotated";

export interface KeyVersionsOptions {
  /** How long a replaced key still opens uploads. */
  graceMs: number;
  /** A monotonic clock, in milliseconds. */
  now: () => number;
}

/** The number of replaced keys that are kept, however often a vault rotates within the grace time. */
const mostFormer = 8;

/** One secret's current key, and the replaced keys that are still in their grace time. */
export class KeyVersions<Key extends AesKey = AesKey> {
  readonly #options: KeyVersionsOptions;
  #current: KeyVersion<Key> | undefined;
  #former: { key: KeyVersion<Key>; until: number }[] = [];

  constructor(options: KeyVersionsOptions) {
    this.#options = options;
  }

  /** The newest key; undefined before the first release. */
  get current(): KeyVersion<Key> | undefined {
    return this.#current;
  }

  /** The current key and those in their grace time, the newest first. */
  live(): readonly KeyVersion<Key>[] {
    this.#expire();
    const former = this.#former.map(({ key }) => key);
    return this.#current === undefined ? former : [this.#current, ...former];
  }

  /**
   * Makes a released key the current one; the one before starts its grace time.
   *
   * @returns `unchanged` for the current key itself (same version and bytes)
   */
  accept(next: KeyVersion<Key>): AcceptOutcome {
    const { graceMs, now } = this.#options;
    const last = this.#current;
    if (last !== undefined && isSame(last, next)) return "unchanged";
    this.#current = next;
    // An owner may return to a former key, which is then listed once.
    this.#former = this.#former.filter(({ key }) => !isSame(key, next));
    if (last === undefined) return "first";
    this.#former = [{ key: last, until: now() + graceMs }, ...this.#former].slice(0, mostFormer);
    this.#expire();
    return "rotated";
  }

  /** Drops expired keys: OpenSSL clears a key's memory when it is freed. */
  #expire(): void {
    const now = this.#options.now();
    this.#former = this.#former.filter(({ until }) => now < until);
  }
}

function isSame(one: KeyVersion, other: KeyVersion): boolean {
  return one.version === other.version && one.key.equals(other.key);
}
