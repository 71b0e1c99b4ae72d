import { isAbsolute, join } from "node:path";
import type { SecretEntry } from "../../config/schema.js";
import { ConfigurationError, RefusedError, UnavailableError, describeCause } from "../../errors.js";
import { withSignal } from "../../bounds/deadline.js";
import type { RetryContext } from "../../bounds/retry.js";
import { keyBytes, type ReleasedKey, type SecretReleaseClient } from "../client.js";
import { allocateReleasedSecret, copyKey } from "./released-secret.js";
import { SsrLibrary } from "./ssr-library.js";

export interface NativeClientOptions {
  /** The application's folder, where a library is looked for that is on no default library path. */
  folder: string;
}

/**
 * Client for libraries with the interface of Mystikos' `ssr.h`, called as Mystikos' own runtime calls
 * them. Their state is one for the whole process, so releases through them take turns.
 *
 * A library is trusted like the rest of the code: it runs in this process. It is not trusted to be
 * right: what it answers is checked, and a call that never returns holds up nothing but itself.
 */
export class NativeSecretReleaseClient implements SecretReleaseClient {
  /** Settles when the release before has ended. */
  static #turn: Promise<void> = Promise.resolve();
  readonly #options: NativeClientOptions;

  constructor(options: NativeClientOptions) {
    this.#options = options;
  }

  async release(secret: SecretEntry, { signal }: RetryContext): Promise<ReleasedKey> {
    const before = NativeSecretReleaseClient.#turn;
    let end = (): void => undefined;
    NativeSecretReleaseClient.#turn = new Promise((resolve) => {
      end = () => {
        resolve(before);
      };
    });
    try {
      await withSignal(before, signal).catch((cause: unknown) => {
        throw failed(secret, "its turn", "another release that has not ended", cause);
      });
      return { key: await this.#release(secret, signal) };
    } finally {
      end();
    }
  }

  async #release(secret: SecretEntry, signal: AbortSignal): Promise<Buffer> {
    const library = await this.#open(secret);
    // Once begun, it cannot be stopped.
    if (signal.aborted) throw failed(secret, "a start in time", "a signal to stop", signal.reason);
    await succeed(secret, "ssr_client_set_verbose", library.setVerbose(secret.Verbose ?? 0));
    try {
      await succeed(secret, "ssr_client_init", library.init());
      return await getKey(secret, library);
    } finally {
      // After an init that failed too: what it had taken until then has no other way back.
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
      expected: `a key of ${keyBytes} bytes`,
      got: key,
      fix: "Check the secret's ID and what the library releases under it",
    });
  } finally {
    // After a failure too: the library may have filled a part of what we zeroed.
    await library.freeSecret(released.address);
    released.free();
  }
}

/** @throws UnavailableError CLIENT_FAILED with the library's own code, which means nothing to us */
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
