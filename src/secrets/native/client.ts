import { isAbsolute, join } from "node:path";
import type { SecretEntry } from "../../config/schema.js";
import { aesKeyBytes } from "../../crypto/aes-key.js";
import { ConfigurationError, RefusedError, UnavailableError, describeCause } from "../../errors.js";
import { withSignal } from "../../bounds/deadline.js";
import type { RetryContext } from "../../bounds/retry.js";
import type { ReleasedKey, SecretReleaseClient } from "../client.js";
import { allocateReleasedSecret, copyKey } from "./released-secret.js";
import { SsrLibrary } from "./ssr-library.js";

export interface NativeClientOptions {
  /** A folder that is searched for native client libraries, in addition to the default library paths. */
  folder: string;
}

/**
 * Client for libraries with the interface of Mystikos' `ssr.h`, called in the order in which Mystikos' own runtime
 * calls them. A library's state belongs to the whole process, so releases through libraries run one at a time.
 *
 * A library runs in this process, so it is trusted like the rest of the code, but its answers are checked. If a call
 * never returns, later releases through libraries fail when their signals abort; the event loop is not blocked.
 */
export class NativeSecretReleaseClient implements SecretReleaseClient {
  /** Fulfilled when all releases so far have ended; it holds no key. */
  static #released: Promise<void> = Promise.resolve();
  readonly #options: NativeClientOptions;

  constructor(options: NativeClientOptions) {
    this.#options = options;
  }

  /** Releases a secret after all earlier ones have ended, because a library's state belongs to the whole process. */
  async release(secret: SecretEntry, { signal }: RetryContext): Promise<ReleasedKey> {
    const before = NativeSecretReleaseClient.#released;
    const key = this.#releaseAfter(before, secret, signal);
    NativeSecretReleaseClient.#released = Promise.allSettled([before, key]).then(() => undefined);
    return { key: await key };
  }

  async #releaseAfter(
    before: Promise<void>,
    secret: SecretEntry,
    signal: AbortSignal,
  ): Promise<Buffer> {
    await withSignal(before, signal).catch((cause: unknown) => {
      throw failed(secret, "its turn", "another release that has not ended", cause);
    });
    const library = await this.#open(secret);
    // A call of the library cannot be interrupted.
    if (signal.aborted) throw failed(secret, "a start in time", "a signal to stop", signal.reason);
    await succeed(secret, "ssr_client_set_verbose", library.setVerbose(secret.Verbose ?? 0));
    try {
      await succeed(secret, "ssr_client_init", library.init());
      return await getKey(secret, library);
    } finally {
      // Also after a failed init: nothing else frees what it allocated before it failed.
      await library.terminate();
    }
  }

  async #open({ ID: id, ClientLib: name }: SecretEntry): Promise<SsrLibrary> {
    const paths = isAbsolute(name) ? [name] : [name, join(this.#options.folder, name)];
    const places =
      paths.length === 1 ? `at ${name}` : `on the default library paths or as ${paths[1] ?? ""}`;
    try {
      return await SsrLibrary.open(paths);
    } catch (cause) {
      throw new ConfigurationError(
        "CLIENT_INVALID",
        {
          doing: `loading ${name} for ${id}`,
          expected: `a library with the functions of Mystikos' ssr.h ${places}`,
          got: describeCause(cause),
          fix: "Put the library and those that it needs there, or correct ClientLib",
        },
        { cause },
      );
    }
  }
}

async function getKey(secret: SecretEntry, library: SsrLibrary): Promise<Buffer> {
  const { SrsAddress: address, SrsApiVersion: apiVersion = null, ID: id } = secret;
  const released = await allocateReleasedSecret();
  try {
    const status = library.getSecret(address, apiVersion, id, released.address);
    await succeed(secret, "ssr_client_get_secret", status);
    const key = await copyKey(released);
    if (typeof key !== "string") return key;
    throw new RefusedError("RELEASE_INVALID", {
      doing: `releasing ${id} through ${secret.ClientLib}`,
      expected: `a key of ${aesKeyBytes} bytes`,
      got: key,
      fix: "Check the secret's ID and what the library releases under it",
    });
  } finally {
    // Also after a failure: the library may have filled in some members of the zeroed struct.
    await library.freeSecret(released.address);
    released.free();
  }
}

/** @throws UnavailableError CLIENT_FAILED with the library's own code, which `ssr.h` does not define */
async function succeed(secret: SecretEntry, step: string, status: Promise<number>): Promise<void> {
  const code = await status;
  if (code !== 0) throw failed(secret, `${step} to return 0`, `its error ${code}`);
}

function failed(
  { ID: id, ClientLib: name }: SecretEntry,
  expected: string,
  got: string,
  cause?: unknown,
): UnavailableError {
  const doing = `releasing ${id} through ${name}`;
  const fix = `Look into the documentation of ${name}`;
  return new UnavailableError("CLIENT_FAILED", { doing, expected, got, fix }, { cause });
}
