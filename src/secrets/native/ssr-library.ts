import { NativeLibrary, type NativeFunction } from "../../native/library.js";
import { ProcessState } from "../../native/process-state.js";
import { endingSignals } from "../../process/signals.js";

/** The functions of Mystikos' `ssr.h`, by the part of their name that differs. */
const declarations = {
  set_verbose: "int ssr_client_set_verbose(unsigned int level)",
  init: "int ssr_client_init()",
  get_secret:
    "int ssr_client_get_secret(const char *srs_addr, const char *api_version, const char *id, void *secret)",
  free_secret: "void ssr_client_free_secret(void *secret)",
  terminate: "void ssr_client_terminate()",
} as const;

type Name = keyof typeof declarations;

/** Node ignores the last two; a library that does not would have a broken connection end the process. */
const ownSignals = [...endingSignals, "SIGPIPE", "SIGXFSZ"] as const;
/** Those that ask a process to stop. A library has no use for them, as it may have for SIGALRM during a call. */
const stopSignals = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;
/** How often their handlers are put back while a call goes on, which may hang. */
const restoreMs = 1000;

/**
 * A secret release client library with Mystikos' interface. What it changes of the process when it is loaded or called is
 * put back: the handlers of signals, so that the process can be stopped in order, after every call and while one goes on;
 * the rest when it has been told to end.
 */
export class SsrLibrary {
  /** As it was before the first library was loaded. */
  static #before: Promise<ProcessState> | undefined;
  readonly #functions: Readonly<Record<Name, NativeFunction>>;
  readonly #state: ProcessState;

  private constructor(functions: Readonly<Record<Name, NativeFunction>>, state: ProcessState) {
    this.#functions = functions;
    this.#state = state;
  }

  /** @throws Error where it is not there or lacks one of the five functions */
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
      // Its constructors have run, in this thread.
      state.restore();
    }
  }

  setVerbose(level: number): Promise<number> {
    return this.#status("set_verbose", level);
  }

  init(): Promise<number> {
    return this.#status("init");
  }

  /** @param secret address of a zeroed ReleasedSecret */
  getSecret(
    address: string,
    apiVersion: string | null,
    id: string,
    secret: bigint,
  ): Promise<number> {
    return this.#status("get_secret", address, apiVersion, id, secret);
  }

  async freeSecret(secret: bigint): Promise<void> {
    await this.#functions.free_secret(secret);
  }

  async terminate(): Promise<void> {
    try {
      await this.#functions.terminate();
    } finally {
      this.#state.restore();
    }
  }

  /** 0 is success. */
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
