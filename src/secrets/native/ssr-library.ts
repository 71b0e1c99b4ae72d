import { NativeLibrary, type NativeFunction } from "../../native/library.js";

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

/** A secret release client library with Mystikos' interface. */
export class SsrLibrary {
  readonly #functions: Readonly<Record<Name, NativeFunction>>;

  private constructor(functions: Readonly<Record<Name, NativeFunction>>) {
    this.#functions = functions;
  }

  /** @throws Error where it is not there or lacks one of the five functions */
  static async open(paths: readonly string[]): Promise<SsrLibrary> {
    const library = await NativeLibrary.open(paths);
    const bind = (name: Name): NativeFunction => library.bind(declarations[name]);
    return new SsrLibrary({
      set_verbose: bind("set_verbose"),
      init: bind("init"),
      get_secret: bind("get_secret"),
      free_secret: bind("free_secret"),
      terminate: bind("terminate"),
    });
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
    await this.#functions.terminate();
  }

  /** 0 is success. */
  async #status(name: Name, ...parameters: unknown[]): Promise<number> {
    const status = await this.#functions[name](...parameters);
    if (typeof status !== "number") throw new Error(`ssr_client_${name} returned no int`);
    return status;
  }
}
