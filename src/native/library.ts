import type { LibraryHandle } from "koffi";
import { describeCause } from "../errors.js";
import { loadKoffi } from "./koffi.js";

/** A C function: arguments and results as koffi maps them (pointers are bigints). */
export type NativeFunction = (...parameters: unknown[]) => Promise<unknown>;

/** A shared library whose functions run in libuv's thread pool, not on the event loop. */
export class NativeLibrary {
  /**
   * Handles by path. They are kept for ever: koffi unloads a library when its handle is collected, and a thread that the
   * library has started would crash.
   */
  static readonly #handles = new Map<string | null, LibraryHandle>();
  readonly #handle: LibraryHandle;

  private constructor(handle: LibraryHandle) {
    this.#handle = handle;
  }

  /**
   * Loads the first of several libraries that can be loaded.
   *
   * @param paths tried in this order. A bare name is looked up on the loader's default paths; null is this process with
   *   the libraries that it has loaded
   * @throws Error with the loader's reason for each path
   */
  static async open(paths: readonly (string | null)[]): Promise<NativeLibrary> {
    const koffi = await loadKoffi();
    const reasons: string[] = [];
    for (const path of paths) {
      try {
        const handle = NativeLibrary.#handles.get(path) ?? koffi.load(path);
        NativeLibrary.#handles.set(path, handle);
        return new NativeLibrary(handle);
      } catch (error) {
        reasons.push(`${path ?? "this process"}: ${describeCause(error)}`);
      }
    }
    throw new Error(reasons.join("; "));
  }

  /**
   * @param declaration the function's prototype in C
   * @throws Error if the library has no such function
   */
  bind(declaration: string): NativeFunction {
    const call = this.#handle.func(declaration);
    return (...parameters) =>
      new Promise((resolve, reject) => {
        call.async(...parameters, (error: unknown, result: unknown) => {
          if (error === null) resolve(result);
          else reject(new Error(describeCause(error)));
        });
      });
  }
}
