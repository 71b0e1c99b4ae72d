import type { KeyNames } from "../config/key-names.js";
import type { KeyRing } from "./release.js";

export interface ImageKey {
  /** The secret's ID. */
  id: string;
  /** 32 bytes */
  key: Uint8Array;
}

/** The data owners' keys, as uploads name them. */
export class ImageKeys {
  readonly #keys: KeyRing;
  readonly #names: KeyNames;

  constructor(keys: KeyRing, names: KeyNames) {
    this.#keys = keys;
    this.#names = names;
  }

  /** The key of uploads that name none. */
  get legacy(): ImageKey | undefined {
    return this.find(this.#names.legacyImage);
  }

  /** @param kid a secret's ID, or `ID/version` */
  find(kid: string): ImageKey | undefined {
    const [id = "", version, ...rest] = kid.split("/");
    const released = this.#names.images.includes(id) ? this.#keys.get(id) : undefined;
    if (released === undefined || rest.length > 0) return undefined;
    return version === undefined || version === released.version
      ? { id, key: released.key }
      : undefined;
  }
}
