import { NativeLibrary, type NativeFunction } from "../../native/library.js";
import { ProcessState } from "../../native/process-state.js";
import { endingSignals } from "../../process/signals.js";

/** The functions of Mystikos' `ssr.h`, by their names without `ssr_client_`. */
const declarations = {
  set_verbose: "int ssr_client_set_verbose(unsigned int level)",
  init: "int ssr_client_init()",
  get_secret:
    "int ssr_client_get_secret(const char *srs_addr, const char *api_version, const char *id, void *secret)",
  free_secret: "void ssr_client_free_secret(void *secret)",
  terminate: "void ssr_client_terminate()",
} as const;

type Name = keyof typeof declarations;

/**
 * Node ignores SIGPIPE and SIGXFSZ. If a library restored their default actions, a write to a broken connection would
 * end the process.
 */
const ownSignals = [...endingSignals, "SIGPIPE", "SIGXFSZ"] as const;
/** Signals that stop the server. Their handlers are restored during a call too: a library may use SIGALRM then, not these. */
const stopSignals = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;
/** The interval at which their handlers are restored during a call, which may hang. */
const restoreMs = 1000;

/**
 * A secret release client library with Mystikos' interface. Its changes to the process's state are undone: signal
 * handlers after every call, and those of stop signals during calls as well, so that the server can always be stopped;
 * the rest (ProcessState) after loading and after `terminate`.
 */
export class SsrLibrary {
  /** The process's state before the first library was loaded. */
  static #before: Promise<ProcessState> | undefined;
  readonly #functions: Readonly<Record<Name, NativeFunction>>;
  readonly #state: ProcessState;

  private constructor(functions: Readonly<Record<Name, NativeFunction>>, state: ProcessState) {
    this.#functions = functions;
    this.#state = state;
  }

  /**
   * @param paths tried in this order; see NativeLibrary.open
   * @throws Error if the library cannot be loaded or lacks one of the five functions
   */
  static async open(paths: readonly string[]): Promise<SsrLibrary> {
    SsrLibrary.#before ??= ProcessState.capture(ownSignals);
    const state = await SsrLibrary.#before;
    try {
      const library = await NativeLibrary.open(paths);
      const bind = (name: Name): NativeFunction =>
        restoringSignals(library.bind(declarations[name]), state);
      const functions = {
        set_verbose: bind("set_verbose"),
        init: bind("init"),
        get_secret: bind("get_secret"),
        free_secret: bind("free_secret"),
        terminate: bind("terminate"),
      };
      return new SsrLibrary(functions, state);
    } finally {
      // Loading ran the library's constructors, which may have changed the process' state.
      state.restore();
    }
  }

  /** Calls `set_verbose`. @returns the library's status; 0 is success */
  setVerbose(level: number): Promise<number> {
    return this.#status("set_verbose", level);
  }

  /** Calls `init`. @returns the library's status; 0 is success */
  init(): Promise<number> {
    return this.#status("init");
  }

  /**
   * Calls `get_secret`, which releases a secret.
   *
   * @param apiVersion null: NULL is passed
   * @param secret address of a zeroed ReleasedSecret
   * @returns the library's status; 0 is success
   */
  getSecret(
    address: string,
    apiVersion: string | null,
    id: string,
    secret: bigint,
  ): Promise<number> {
    return this.#status("get_secret", address, apiVersion, id, secret);
  }

  /** Calls `free_secret`. @param secret address of a ReleasedSecret that `getSecret` filled */
  async freeSecret(secret: bigint): Promise<void> {
    await this.#functions.free_secret(secret);
  }

  /** Calls `terminate`, and restores the process' state. */
  async terminate(): Promise<void> {
    try {
      await this.#functions.terminate();
    } finally {
      this.#state.restore();
    }
  }

  /** @returns the function's result; 0 is success */
  async #status(name: Name, ...parameters: unknown[]): Promise<number> {
    const status = await this.#functions[name](...parameters);
    if (typeof status !== "number") throw new Error(`ssr_client_${name} returned no int`);
    return status;
  }
}

function restoringSignals(call: NativeFunction, state: ProcessState): NativeFunction {
  return async (...parameters) => {
    const restoring = setInterval(() => {
      state.restoreSignals(stopSignals);
    }, restoreMs);
    try {
      return await call(...parameters);
    } finally {
      clearInterval(restoring);
      state.restoreSignals();
    }
  };
}
