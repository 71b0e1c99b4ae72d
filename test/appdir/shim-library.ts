import { describe, expect, test } from "@jest/globals";
import type { Shim } from "./shim.js";

/** What the comments in appdir/shim say that it is for. */
const functions = [
  ...["__isoc23_fscanf", "__isoc23_sscanf", "__isoc23_strtol", "__isoc23_strtoll"],
  ...["__isoc23_strtoul", "__isoc23_strtoull", "__popcountdi2", "_dl_find_object"],
  ...["arc4random", "arc4random_buf", "arc4random_uniform", "fcntl", "fcntl64", "isatty"],
  ...["qsort_r", "statx", "strfromf128", "strtof128", "swapcontext"],
];
const variables = ["__libc_single_threaded"];
/** What it takes from the C library in Mystikos, which is musl 1.2.0 and has these. */
const borrowed = [
  ...["__errno_location", "__isoc99_vfscanf", "__isoc99_vsscanf", "abort", "dl_iterate_phdr"],
  ...["dlsym", "fstatat", "getrandom", "memcpy", "snprintf", "strtold", "strtoll", "strtoull"],
  ...["syscall"],
];
const stubs = ["ld-linux-x86-64.so.2", "libc.musl-x86_64.so.1"];

/** What scripts/shim.sh links. */
export function testLibrary(shim: () => Shim): void {
  describe("its library", () => {
    /** Num: Value Size Type Bind Vis Ndx Name, of all but the first, which is none. */
    async function symbols(name: string) {
      const lines = (await shim().readelf("--dyn-syms", name)).matchAll(
        /^ +[1-9]\d*: [\da-f]+ +\d+ (\w+) +(\w+) +(\w+) +(\w+) (\S+)/gmu,
      );
      return Array.from(lines, ([, type, bind, visibility, section, name]) => ({
        ...{ type, bind, visibility, isDefined: section !== "UND", name },
      }));
    }

    test("has what its comments name, and nothing else", async () => {
      const defined = (await symbols("libconfml-shim.so")).filter(({ isDefined }) => isDefined);
      const names = (type: string) =>
        defined.filter((symbol) => symbol.type === type).map(({ name }) => name);
      expect(names("FUNC").sort()).toEqual(functions);
      expect(names("OBJECT")).toEqual(variables);
      expect(defined).toHaveLength(functions.length + variables.length);
      for (const { bind, visibility } of defined) {
        expect([bind, visibility]).toEqual(["GLOBAL", "DEFAULT"]);
      }
    });

    test("takes from the C library what musl 1.2.0 has, and of no version of it", async () => {
      const taken = (await symbols("libconfml-shim.so")).filter(({ isDefined }) => !isDefined);
      expect(taken.map(({ name }) => name).sort()).toEqual(borrowed);
    });

    test.each(["libconfml-shim.so", ...stubs])("depends on no library: %s", async (name) => {
      const entries = await shim().readelf("--dynamic", name);
      expect(entries).toContain(`Library soname: [${name}]`);
      expect(entries).not.toMatch(/NEEDED|R(UN)?PATH|TEXTREL/u);
    });

    test.each(stubs)("has a stub without anything in it: %s", async (name) => {
      expect(await symbols(name)).toEqual([]);
    });
  });
}
