import { describeCause } from "../errors.js";

/** A C function: arguments and results as koffi maps them (pointers are bigints). */
export type NativeFunction = (...parameters: unknown[]) => Promise<unknown>;

/** A shared library whose functions run in libuv's threads, never on the event loop. */
export class NativeLibrary {
  readonly #declare: (declaration: string) => NativeFunction;

  private constructor(declare: (declaration: string) => NativeFunction) {
    this.#declare = declare;
  }

  /**
   * @param paths tried in this order: a bare name is looked up on the default library paths, null is
   *   this process with what it has loaded already
   * @throws Error with the loader's reason for each path
   */
  static async open(paths: readonly (string | null)[]): Promise<NativeLibrary> {
    // Loaded when it is needed, so that a platform without it still has the rest of the program.
    const { default: koffi } = await import("koffi");
    const reasons: string[] = [];
    for (const path of paths) {
      try {
        const library = koffi.load(path);
        return new NativeLibrary((declaration) => {
          const call = library.func(declaration);
          return (...parameters) =>
            new Promise((resolve, reject) => {
              call.async(...parameters, (error: unknown, result: unknown) => {
                if (error === null) resolve(result);
                else reject(new Error(describeCause(error)));
              });
            });
        });
      } catch (error) {
        reasons.push(describeCause(error));
      }
    }
    throw new Error(reasons.join("; "));
  }

  /**
   * @param declaration the function's prototype in C
   * @throws Error where the library has no such function
   */
  bind(declaration: string): NativeFunction {
    return this.#declare(declaration);
  }
}
