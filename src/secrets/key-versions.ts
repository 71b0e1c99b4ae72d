import type { AesKey } from "../crypto/aes-key.js";

export interface KeyVersion<Key extends AesKey = AesKey> {
  key: Key;
  /** The vault's name of the version, where it says one. */
  version: string | undefined;
}

export interface KeyVersionsOptions {
  /** How long a key that is no longer the current one goes on to count. */
  graceMs: number;
  /** A clock that never goes back, in milliseconds. */
  now: () => number;
}

/** More rotations than this within the time of grace are no rotations. */
const mostFormer = 8;

/** One secret's current key, and those before it that still count. */
export class KeyVersions<Key extends AesKey = AesKey> {
  readonly #options: KeyVersionsOptions;
  #current: KeyVersion<Key> | undefined;
  #former: { key: KeyVersion<Key>; until: number }[] = [];

  constructor(options: KeyVersionsOptions) {
    this.#options = options;
  }

  get current(): KeyVersion<Key> | undefined {
    return this.#current;
  }

  /** The keys that count, the newest first. */
  live(): readonly KeyVersion<Key>[] {
    this.#expire();
    const former = this.#former.map(({ key }) => key);
    return this.#current === undefined ? former : [this.#current, ...former];
  }

  /** Takes what the vault released as the current key. */
  accept(next: KeyVersion<Key>): "first" | "unchanged" | "rotated" {
    const { graceMs, now } = this.#options;
    const last = this.#current;
    if (last !== undefined && isSame(last, next)) return "unchanged";
    this.#current = next;
    // An owner may also go back to a former key.
    this.#former = this.#former.filter(({ key }) => !isSame(key, next));
    if (last === undefined) return "first";
    this.#former = [{ key: last, until: now() + graceMs }, ...this.#former].slice(0, mostFormer);
    this.#expire();
    return "rotated";
  }

  /** What has expired is let go of, so that its memory is cleared. */
  #expire(): void {
    const now = this.#options.now();
    this.#former = this.#former.filter(({ until }) => now < until);
  }
}

function isSame(one: KeyVersion, other: KeyVersion): boolean {
  return one.version === other.version && one.key.equals(other.key);
}
