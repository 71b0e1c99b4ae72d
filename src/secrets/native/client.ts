import type { SecretEntry } from "../../config/schema.js";
import { ConfigurationError } from "../../errors.js";
import type { ReleasedKey, SecretReleaseClient } from "../client.js";

/** Native SSR libraries need a foreign-function interface, which this version does not have yet. */
export class NativeSecretReleaseClient implements SecretReleaseClient {
  readonly #folder: string;

  constructor({ folder }: { folder: string }) {
    this.#folder = folder;
  }

  release(secret: SecretEntry): Promise<ReleasedKey> {
    return Promise.reject(
      new ConfigurationError("CLIENT_INVALID", {
        doing: `releasing ${secret.ID}`,
        expected: 'the ClientLib "mhsm"',
        got: `${secret.ClientLib} in ${this.#folder}: native SSR client libraries are not supported yet`,
        fix: 'Set ClientLib to "mhsm", the built-in Managed HSM client',
      }),
    );
  }
}
