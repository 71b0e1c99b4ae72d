import { randomBytes } from "node:crypto";
import { CbcKey, JweKey, takeKey, type AesKey } from "../crypto/aes-key.js";
import { KeyVersions, type KeyVersion } from "./key-versions.js";

export interface ImageKey<Key extends AesKey> {
  /** The secret's ID. */
  id: string;
  key: Key;
}

export interface ImageKeysOptions {
  /** The secrets of JWE uploads. */
  ids: readonly string[];
  /** The one secret of `.encrypted` uploads; absent: there is none. */
  legacyId?: string | undefined;
  /** The JWE secret that seals encrypted answers to `.encrypted` uploads; absent: there are none. */
  sealId?: string | undefined;
  graceMs: number;
  now?: () => number;
}

/** How one owner's key is. */
export interface OwnerStatus {
  id: string;
  /** `stale`: in use, but the last attempt to fetch it again failed or brought a key that was refused. */
  state: "current" | "stale" | "missing";
  version: string | undefined;
}

interface Owner<Key extends AesKey> {
  versions: KeyVersions<Key>;
  failed: boolean;
}

/**
 * The data owners' keys, as uploads name them: a key opens what its secret is for and nothing else. Whatever a name is,
 * as many keys are tried for it: how long a refusal takes does not tell which owners there are.
 */
export class ImageKeys {
  readonly #jwe: ReadonlyMap<string, Owner<JweKey>>;
  readonly #legacy: ReadonlyMap<string, Owner<CbcKey>>;
  /** Those of `#jwe` that open uploads. */
  readonly #uploadIds: ReadonlySet<string>;
  readonly #sealId: string | undefined;
  /** Keys of random bytes that this process alone has: they open nothing. */
  readonly #decoys: { jwe: ImageKey<JweKey>; legacy: ImageKey<CbcKey> };

  private constructor(
    { ids, legacyId, sealId, graceMs, now = () => performance.now() }: ImageKeysOptions,
    decoys: { jwe: JweKey; legacy: CbcKey },
  ) {
    const owner = <Key extends AesKey>(): Owner<Key> => ({
      versions: new KeyVersions<Key>({ graceMs, now }),
      failed: false,
    });
    const jweIds = new Set([...ids, ...(sealId === undefined ? [] : [sealId])]);
    this.#jwe = new Map([...jweIds].map((id) => [id, owner<JweKey>()]));
    this.#legacy = new Map(legacyId === undefined ? [] : [[legacyId, owner<CbcKey>()]]);
    if (legacyId !== undefined && jweIds.has(legacyId)) {
      throw new Error(`${legacyId} is for .encrypted uploads, so it is no JWE secret`);
    }
    this.#uploadIds = new Set(ids);
    this.#sealId = sealId;
    this.#decoys = { jwe: { id: "", key: decoys.jwe }, legacy: { id: "", key: decoys.legacy } };
  }

  static async create(options: ImageKeysOptions): Promise<ImageKeys> {
    const [jwe, legacy] = await Promise.all([
      takeKey(randomBytes(32), "jwe"),
      takeKey(randomBytes(32), "cbc"),
    ]);
    return new ImageKeys(options, { jwe, legacy });
  }

  /**
   * Takes a released key.
   *
   * @throws Error for a key of another use than the secret's
   */
  accept(id: string, { key, version }: KeyVersion): ReturnType<KeyVersions["accept"]> {
    const jwe = this.#jwe.get(id);
    if (jwe !== undefined && key instanceof JweKey) return take(jwe, { key, version });
    const legacy = this.#legacy.get(id);
    if (legacy !== undefined && key instanceof CbcKey) return take(legacy, { key, version });
    throw new Error(`${id} is no data owner's secret, or its key is for another use`);
  }

  /** Notes that a key could not be had; the one there is goes on to count. */
  fail(id: string): void {
    const owner = this.#jwe.get(id) ?? this.#legacy.get(id);
    if (owner === undefined) throw new Error(`${id} is no data owner's secret`);
    owner.failed = true;
  }

  /**
   * The keys to try for a JWE, never none.
   *
   * @param kid a secret's ID, for which the current version is tried before those that it replaced; or
   *   `ID/version`
   */
  candidates(kid: string): readonly ImageKey<JweKey>[] {
    const [id = "", version, ...rest] = kid.split("/");
    const owner = rest.length === 0 && this.#uploadIds.has(id) ? this.#jwe.get(id) : undefined;
    const live = owner?.versions.live() ?? [];
    const named =
      version === undefined ? live : live.filter((one) => one.version === version).slice(0, 1);
    return this.#padded(id, named, this.#decoys.jwe);
  }

  /** The keys to try for an `.encrypted` upload, never none. */
  legacyCandidates(): readonly ImageKey<CbcKey>[] {
    const [[id, owner] = ["", undefined]] = this.#legacy;
    return this.#padded(id, owner?.versions.live() ?? [], this.#decoys.legacy);
  }

  /** What encrypted answers to `.encrypted` uploads are sealed under; undefined: there are none. */
  sealKey(): ImageKey<JweKey> | undefined {
    const id = this.#sealId;
    const current = id === undefined ? undefined : this.#jwe.get(id)?.versions.current;
    return id === undefined || current === undefined ? undefined : { id, key: current.key };
  }

  statuses(): OwnerStatus[] {
    return this.#owners().map(([id, { versions, failed }]) => ({
      id,
      state: versions.current === undefined ? "missing" : failed ? "stale" : "current",
      version: versions.current?.version,
    }));
  }

  #owners(): [string, Owner<AesKey>][] {
    return [...this.#jwe, ...this.#legacy];
  }

  #padded<Key extends AesKey>(
    id: string,
    keys: readonly KeyVersion<Key>[],
    decoy: ImageKey<Key>,
  ): readonly ImageKey<Key>[] {
    const counts = this.#owners().map(([, { versions }]) => versions.live().length);
    const wanted = Math.max(1, ...counts);
    const padding = Array.from({ length: wanted - keys.length }, () => decoy);
    return [...keys.map(({ key }) => ({ id, key })), ...padding];
  }
}

function take<Key extends AesKey>(
  owner: Owner<Key>,
  released: KeyVersion<Key>,
): ReturnType<KeyVersions["accept"]> {
  owner.failed = false;
  return owner.versions.accept(released);
}
