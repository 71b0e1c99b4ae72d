import type { SecretEntry } from "../config/schema.js";
import { ConfigurationError } from "../errors.js";
import type { ReleasedKey, SecretReleaseClient } from "./client.js";

/** Native SSR libraries need a foreign-function interface, which this version does not have yet. */
export class NativeSecretReleaseClient implements SecretReleaseClient {
  release(secret: SecretEntry): Promise<ReleasedKey> {
    return Promise.reject(
      new ConfigurationError("CLIENT_UNSUPPORTED", {
        doing: `releasing ${secret.ID}`,
        expected: 'the ClientLib "mhsm"',
        got: `${JSON.stringify(secret.ClientLib)}: native SSR client libraries are not supported yet`,
        fix: 'Set ClientLib to "mhsm", the built-in Managed HSM client',
      }),
    );
  }
}
