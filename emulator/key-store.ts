import { randomBytes } from "node:crypto";
import type { ReleasePolicy } from "./release-policy.js";

export interface StoredKey {
  /** The vault's host. */
  host: string;
  name: string;
  version: string;
  secret: Buffer;
  operations: string[];
  enabled: boolean;
  exportable: boolean;
  createdSeconds: number;
  releasePolicy: { contentType: string; data: string; parsed: ReleasePolicy } | undefined;
}

/** The keys of one vault by name, each with its versions in order; in memory only. */
export class KeyStore {
  readonly #host: string;
  readonly #keys = new Map<string, StoredKey[]>();

  constructor(host: string) {
    this.#host = host;
  }

  /** Adds a new version of a key, which becomes the newest. */
  add(
    name: string,
    key: Omit<StoredKey, "host" | "name" | "version" | "createdSeconds">,
  ): StoredKey {
    const stored: StoredKey = {
      ...key,
      host: this.#host,
      name,
      version: randomBytes(16).toString("hex"),
      createdSeconds: Math.floor(Date.now() / 1000),
    };
    this.#keys.set(name, [...(this.#keys.get(name) ?? []), stored]);
    return stored;
  }

  /** The versions of each key, the oldest first. */
  all(): readonly (readonly StoredKey[])[] {
    return [...this.#keys.values()];
  }

  /** Finds a version of a key. @param version empty for the newest */
  find(name: string, version: string): StoredKey | undefined {
    const versions = this.#keys.get(name) ?? [];
    return version === ""
      ? versions[versions.length - 1]
      : versions.find((key) => key.version === version);
  }
}

/** The key's URL, which is its ID. */
export function keyId({ host, name, version }: StoredKey): string {
  return `https://${host}/keys/${name}/${version}`;
}

/** A key as the vault describes it, without its secret. */
export function describeKey(key: StoredKey): object {
  const { enabled, exportable, createdSeconds: created, operations, releasePolicy } = key;
  return {
    attributes: {
      created,
      updated: created,
      enabled,
      exportable,
      recoverableDays: 90,
      recoveryLevel: "Recoverable+Purgeable",
    },
    key: { kid: keyId(key), kty: "oct-HSM", key_ops: operations },
    ...(releasePolicy === undefined
      ? {}
      : { release_policy: { contentType: releasePolicy.contentType, data: releasePolicy.data } }),
  };
}
