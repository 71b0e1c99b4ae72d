import { constants } from "node:os";
import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { LibraryHandle } from "koffi";
import { bases, binaryNumbers, isBinary, readBinary, texts, type Parsed } from "./shim-numerals.js";
import { koffi, type Native, type Shim } from "./shim.js";

const { EINVAL } = constants.errno;

const kinds = [
  { name: "strtol", type: "long", isSigned: true },
  { name: "strtoll", type: "long long", isSigned: true },
  { name: "strtoul", type: "unsigned long", isSigned: false },
  { name: "strtoull", type: "unsigned long long", isSigned: false },
] as const;

/** @param errnoBefore what a function that succeeds must leave there */
type Parser = (text: string, base: number, errnoBefore?: number) => Parsed;

function bindParser(library: LibraryHandle, type: string, name: string): Parser {
  const call: Native = library.func(`${type} ${name}(const void *text, void *end, int base)`);
  return (text, base, errnoBefore = 0) => {
    const bytes = Buffer.from(`${text}\0`);
    const end = Buffer.alloc(8);
    koffi.errno(errnoBefore);
    const value = call(bytes, end, base);
    const errno = koffi.errno();
    const address = end.readBigUInt64LE();
    return {
      value: BigInt(String(value)),
      end: address === 0n ? undefined : Number(address - koffi.address(bytes)),
      errno,
    };
  };
}

const readings: [format: string, text: string][] = [
  ["%d %7s %lf", "12 abcdefghij 3.5"],
  ["%d %7s %lf", "-12 abc 3.5e-3 and more"],
  ["%u-%x", "4000000000-fF"],
  ["%*d %ld %n", " 1 -9223372036854775808 "],
  ["%[a-z]%c%hhd", "letters!127"],
  ["%i %i %i", "0x1f 010 9"],
  ["%5d%5d", "1234567890"],
  ["%d%%%d", "50%60"],
  ["%d %d", "1 x"],
  ["%d", "x"],
  ["%d", ""],
];

/** appdir/shim/integers.c. */
export function testIntegers(shim: () => Shim): void {
  describe.each(kinds)("__isoc23_$name", ({ name, type, isSigned }) => {
    let ours: Parser;

    beforeAll(() => {
      ours = bindParser(shim().ours, type, `__isoc23_${name}`);
    });

    test("reads whatever text in whatever base as the C library's older function does", () => {
      const libcs = bindParser(shim().libcs, type, name);
      fc.assert(
        fc.property(texts, bases, fc.constantFrom(0, EINVAL), (text, base, errnoBefore) => {
          fc.pre(!isBinary(text, base));
          expect(ours(text, base, errnoBefore)).toEqual(libcs(text, base, errnoBefore));
        }),
        { numRuns: 2000 },
      );
    });

    test("reads a binary number after 0b, to the limits of its type", () => {
      fc.assert(
        fc.property(
          binaryNumbers,
          fc.constantFrom(0, 2),
          fc.constantFrom(0, EINVAL),
          (number, base, errnoBefore) => {
            const text = Object.values(number).join("");
            expect(ours(text, base, errnoBefore)).toEqual(
              readBinary(number, isSigned, errnoBefore),
            );
          },
        ),
        { numRuns: 1000 },
      );
    });

    test("needs no end pointer", () => {
      const call: Native = shim().ours.func(
        `${type} __isoc23_${name}(const char *text, void *end, int base)`,
      );
      for (const text of ["0b101", "-0B11", " +0b", "0b2", `0b1${"0".repeat(80)}`, "12", "x"]) {
        expect(BigInt(String(call(text, null, 0)))).toBe(ours(text, 0).value);
      }
    });
  });

  describe("scanf functions", () => {
    /** The count, and what four results and the memory around them hold afterwards. */
    function results(scan: (...pointers: unknown[]) => unknown): [unknown, Buffer] {
      const memory = Buffer.alloc(4 * 32, 0xee);
      const pointers = [0, 1, 2, 3].flatMap((at) => ["void *", memory.subarray(at * 32)]);
      return [scan(...pointers), memory];
    }

    test.each(readings)("read by %j as the C library's sscanf reads %j", (format, text) => {
      const [ours, libcs] = [
        shim().ours.func("int __isoc23_sscanf(const char *text, const char *format, ...)"),
        shim().libcs.func("int sscanf(const char *text, const char *format, ...)"),
      ].map((call: Native) => results((...pointers) => call(text, format, ...pointers)));
      expect(ours).toEqual(libcs);
    });

    test.each(readings)(
      "read by %j as the C library's fscanf reads %j in a file",
      (format, text) => {
        const open: Native = shim().libcs.func(
          "void *fmemopen(void *text, size_t size, const char *m)",
        );
        const tell: Native = shim().libcs.func("long ftell(void *file)");
        const close: Native = shim().libcs.func("int fclose(void *file)");
        const [ours, libcs] = [
          shim().ours.func("int __isoc23_fscanf(void *file, const char *format, ...)"),
          shim().libcs.func("int fscanf(void *file, const char *format, ...)"),
        ].map((call: Native) => {
          const bytes = Buffer.from(`${text}\n`);
          const file = open(bytes, bytes.length, "r");
          const read = results((...pointers) => call(file, format, ...pointers));
          const position = tell(file);
          close(file);
          return [...read, position];
        });
        expect(ours).toEqual(libcs);
      },
    );
  });

  describe("__popcountdi2", () => {
    test("counts the bits that are set", () => {
      const count: Native = shim().ours.func("int __popcountdi2(int64_t value)");
      const ones = (value: bigint): number =>
        BigInt.asUintN(64, value).toString(2).replaceAll("0", "").length;
      const each = Array.from({ length: 64 }, (_, at) => BigInt.asIntN(64, 1n << BigInt(at)));
      for (const value of [0n, -1n, ...each]) expect(count(value)).toBe(ones(value));
      fc.assert(
        fc.property(fc.bigInt(-(1n << 63n), (1n << 63n) - 1n), (value) => {
          expect(count(value)).toBe(ones(value));
        }),
        { numRuns: 1000 },
      );
    });
  });
}
