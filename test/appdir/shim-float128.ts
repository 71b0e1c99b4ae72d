import { beforeAll, describe, expect, test } from "@jest/globals";
import type { LibraryHandle } from "koffi";
import { hasCompiler } from "../helpers/native-library.js";
import { koffi, runNode, type Native, type Shim } from "./shim.js";

const whenCompiling = hasCompiler ? describe : describe.skip;

// Those that long double holds, and those that it does not.
const numbers = [
  ...["0", "-0", "1", "-1.5", "0.1", "3.14159265358979323846264338327950288", "123456.5", "1e-3"],
  ...["1e4000", "-1e4932", "1e4933", "1e-4940", "1e-5000", "inf", "-Infinity", "nan", "-nan"],
];
const letters = ["%f", "%.3e", "%g", "%.10a", "%A", "%.0F", "%E", "%.20G"];

/** appdir/shim/float128.c. */
export function testFloat128(shim: () => Shim): void {
  whenCompiling("functions for _Float128", () => {
    let fixture = "";
    let library: LibraryHandle;
    /** The C library's for long double. */
    const none = null;

    beforeAll(async () => {
      fixture = await shim().compile("float128.c");
      library = koffi.load(fixture);
    });

    test("read what the C library reads as long double, and as much of the text", () => {
      const parse: Native = library.func(
        "size_t parse_with(void *function, const char *text, void *number, size_t size)",
      );
      const texts = [
        "",
        "x",
        "  7 8",
        "0x1.8p3q",
        "12abc",
        "1e",
        "+.5.",
        "nan(1)",
        "infinite",
        "--1",
      ];
      for (const text of [...numbers, ...texts]) {
        const [ours, libcs] = [shim().ours.symbol("strtof128"), none].map((function_: unknown) => {
          const number = Buffer.alloc(64);
          return [text, parse(function_, text, number, number.length), number.toString()];
        });
        expect(ours).toEqual(libcs);
      }
    });

    test("write what the C library writes of a long double, into as much memory as there is", () => {
      const format: Native = library.func(
        "int format_with(void *f, void *output, size_t size, const char *format, const char *number)",
      );
      const function_: unknown = shim().ours.symbol("strfromf128");
      // As long a format as it takes.
      for (const letter of [...letters, `%.${"2".padStart(27, "0")}f`]) {
        for (const number of numbers) {
          for (const size of [6000, 5, 1, 0]) {
            const [ours, libcs] = [Buffer.alloc(6000, 0xee), Buffer.alloc(6000, 0xee)];
            const length = format(function_, ours, size, letter, number);
            const withLength = letter.replace(/.$/u, "L$&");
            expect(length).toBe(format(none, libcs, size, withLength, number));
            expect([letter, number, ours.toString("latin1")]).toEqual([
              ...[letter, number, libcs.toString("latin1")],
            ]);
          }
        }
      }
    });

    test.each(["", "f", `%.${"2".padStart(28, "0")}f`])(
      "end the process for %j, which is no format or too long a one",
      async (format) => {
        const { signal } = await runNode(
          [shim().library],
          `import koffi from "koffi";
        const format = koffi.load(${JSON.stringify(fixture)}).func(
          "int format_with(void *f, void *output, size_t size, const char *format, const char *n)");
        const function_ = koffi.load(null).symbol("strfromf128");
        format(function_, Buffer.alloc(64), 64, ${JSON.stringify(format)}, "1");`,
        );
        expect(signal).toBe("SIGABRT");
      },
    );
  });
}
