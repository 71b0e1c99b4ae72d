import { randomBytes } from "node:crypto";
import { CbcKey, JweKey, takeKey, type AesKey } from "../crypto/aes-key.js";
import { KeyVersions, type AcceptOutcome, type KeyVersion } from "./key-versions.js";

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

/** The state of one owner's key, for the readiness route and the metrics. */
export interface OwnerStatus {
  id: string;
  /**
   * `missing`: never released. `stale`: in use, but the last refresh failed, or its key was refused. `current`: the last
   * release or refresh succeeded.
   */
  state: "current" | "stale" | "missing";
  version: string | undefined;
}

interface Owner<Key extends AesKey> {
  versions: KeyVersions<Key>;
  /** Whether the last release or refresh failed. */
  failed: boolean;
}

/**
 * Finds the data owners' keys for uploads. Each key is used only for its secret's purpose. For every name, known or not,
 * the same number of keys is returned, so that the time of a refusal does not reveal which owners exist.
 */
export class ImageKeys {
  readonly #jwe: ReadonlyMap<string, Owner<JweKey>>;
  readonly #legacy: ReadonlyMap<string, Owner<CbcKey>>;
  /** The IDs in `#jwe` whose keys open uploads. */
  readonly #uploadIds: ReadonlySet<string>;
  readonly #sealId: string | undefined;
  /** Random keys that no owner has. They open nothing; they make up the number of keys. */
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

  /** @throws Error if the secret of `.encrypted` uploads is a JWE secret as well */
  static async create(options: ImageKeysOptions): Promise<ImageKeys> {
    const [jwe, legacy] = await Promise.all([
      takeKey(randomBytes(32), "jwe"),
      takeKey(randomBytes(32), "cbc"),
    ]);
    return new ImageKeys(options, { jwe, legacy });
  }

  /**
   * Makes a released key the current one of its secret.
   *
   * @returns what the key was, compared with the one before
   * @throws Error if the secret is not a data owner's, or the key was made for another use
   */
  accept(id: string, { key, version }: KeyVersion): AcceptOutcome {
    const jwe = this.#jwe.get(id);
    if (jwe !== undefined && key instanceof JweKey) return take(jwe, { key, version });
    const legacy = this.#legacy.get(id);
    if (legacy !== undefined && key instanceof CbcKey) return take(legacy, { key, version });
    throw new Error(`${id} is no data owner's secret, or its key is for another use`);
  }

  /**
   * Records that a release or refresh failed. The current key, if there is one, stays in use.
   *
   * @throws Error if the secret is not a data owner's
   */
  fail(id: string): void {
    const owner = this.#jwe.get(id) ?? this.#legacy.get(id);
    if (owner === undefined) throw new Error(`${id} is no data owner's secret`);
    owner.failed = true;
  }

  /**
   * The keys to try for a JWE, in this order; at least one.
   *
   * @param kid a secret's ID, for its current version and then those in their grace time; or `ID/version`
   * @returns for an unknown name, as many decoys as any other name has keys
   */
  candidates(kid: string): readonly ImageKey<JweKey>[] {
    const [id = "", version, ...rest] = kid.split("/");
    const owner = rest.length === 0 && this.#uploadIds.has(id) ? this.#jwe.get(id) : undefined;
    const live = owner?.versions.live() ?? [];
    const named =
      version === undefined ? live : live.filter((one) => one.version === version).slice(0, 1);
    return this.#padded(id, named, this.#decoys.jwe);
  }

  /** The keys to try for an `.encrypted` upload, in this order; at least one, which may be a decoy. */
  legacyCandidates(): readonly ImageKey<CbcKey>[] {
    const [[id, owner] = ["", undefined]] = this.#legacy;
    return this.#padded(id, owner?.versions.live() ?? [], this.#decoys.legacy);
  }

  /** The key for encrypted answers to `.encrypted` uploads; undefined: none is configured, or it was not released. */
  sealKey(): ImageKey<JweKey> | undefined {
    const id = this.#sealId;
    const current = id === undefined ? undefined : this.#jwe.get(id)?.versions.current;
    return id === undefined || current === undefined ? undefined : { id, key: current.key };
  }

  /** The state of each configured owner's key. */
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

function take<Key extends AesKey>(owner: Owner<Key>, released: KeyVersion<Key>): AcceptOutcome {
  owner.failed = false;
  return owner.versions.accept(released);
}
