import { randomBytes } from "node:crypto";
import { AesKey } from "../crypto/aes-key.js";
import { KeyVersions, type KeyVersion } from "./key-versions.js";

export interface ImageKey {
  /** The secret's ID. */
  id: string;
  key: AesKey;
}

export interface ImageKeysOptions {
  /** The data owners' secrets. */
  ids: readonly string[];
  /** The one secret of `.encrypted` uploads. */
  legacyId: string;
  graceMs: number;
  now?: () => number;
}

/** How one owner's key is. */
export interface OwnerStatus {
  id: string;
  /** `stale`: in use, but the last attempt to fetch it again failed. */
  state: "current" | "stale" | "missing";
  version: string | undefined;
}

interface Owner {
  versions: KeyVersions;
  failed: boolean;
}

/**
 * The data owners' keys, as uploads name them. Whatever a name is, as many keys are tried for it: how
 * long a refusal takes does not tell which owners there are.
 */
export class ImageKeys {
  readonly #owners: ReadonlyMap<string, Owner>;
  readonly #legacyId: string;
  /** A key that nobody has: it opens nothing. */
  readonly #decoy: ImageKey;

  private constructor(options: ImageKeysOptions, decoy: AesKey) {
    const { ids, legacyId, graceMs, now = () => performance.now() } = options;
    const owner = (): Owner => ({ versions: new KeyVersions({ graceMs, now }), failed: false });
    this.#owners = new Map(ids.map((id) => [id, owner()]));
    this.#legacyId = legacyId;
    this.#decoy = { id: "", key: decoy };
  }

  static async create(options: ImageKeysOptions): Promise<ImageKeys> {
    return new ImageKeys(options, await AesKey.take(randomBytes(32)));
  }

  /** Takes a released key. */
  accept(id: string, released: KeyVersion): ReturnType<KeyVersions["accept"]> {
    const owner = this.#owner(id);
    owner.failed = false;
    return owner.versions.accept(released);
  }

  /** Notes that a key could not be had; the one there is goes on to count. */
  fail(id: string): void {
    this.#owner(id).failed = true;
  }

  /**
   * The keys to try for a JWE, never none.
   *
   * @param kid a secret's ID, for which the current version is tried before those that it replaced; or
   *   `ID/version`
   */
  candidates(kid: string): readonly ImageKey[] {
    const [id = "", version, ...rest] = kid.split("/");
    const live = rest.length > 0 ? [] : this.#live(id);
    if (version === undefined) return this.#padded(live);
    return this.#padded(live.filter((one) => one.version === version).slice(0, 1));
  }

  /** The keys to try for an upload that names none, never none. */
  legacyCandidates(): readonly ImageKey[] {
    return this.#padded(this.#live(this.#legacyId));
  }

  statuses(): OwnerStatus[] {
    return [...this.#owners].map(([id, { versions, failed }]) => ({
      id,
      state: versions.current === undefined ? "missing" : failed ? "stale" : "current",
      version: versions.current?.version,
    }));
  }

  #live(id: string): readonly (ImageKey & KeyVersion)[] {
    const live = this.#owners.get(id)?.versions.live() ?? [];
    return live.map((one) => ({ ...one, id }));
  }

  #padded(keys: readonly ImageKey[]): readonly ImageKey[] {
    const counts = [...this.#owners.values()].map(({ versions }) => versions.live().length);
    const wanted = Math.max(1, ...counts);
    const padding = Array.from({ length: wanted - keys.length }, () => this.#decoy);
    return [...keys, ...padding];
  }

  #owner(id: string): Owner {
    const owner = this.#owners.get(id);
    if (owner === undefined) throw new Error(`${id} is no data owner's secret`);
    return owner;
  }
}
