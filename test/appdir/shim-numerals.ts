import { constants } from "node:os";
import fc from "fast-check";

/** A function's answer; without an end where it left the end pointer as it was. */
export interface Parsed {
  value: bigint;
  end: number | undefined;
  errno: number;
}

/** All that the C library knows, some that it refuses, and those of most interest more often. */
export const bases = fc.constantFrom(
  ...Array.from({ length: 39 }, (_, at) => at - 1),
  ...[0, 0, 0, 2, 2, 10, 16],
);

const spaces = fc.constantFrom("", "", " ", "\t", " \n\v\f\r", "\u001c", "\b", "\u000e");
const signs = fc.constantFrom("", "", "+", "-", "+-", "- ");
const characters = fc.constantFrom(
  ...Array.from(" \t+-_.xXbB0123456789afghzAFZ"),
  ...["0x", "0X", "0b", "0B"],
);
const numerals = fc.oneof(
  fc.array(characters, { maxLength: 30 }).map((parts) => parts.join("")),
  // Around the limits, which random digits hardly ever hit.
  fc
    .tuple(fc.constantFrom(63n, 64n), fc.bigInt(-3n, 3n), fc.constantFrom(2, 8, 10, 16, 36))
    .map(([power, more, base]) => ((1n << power) + more).toString(base)),
);

/** Almost numbers. */
export const texts = fc.tuple(spaces, signs, numerals).map((parts) => parts.join(""));

/** What the C library's older functions do not read, in the bases in which the newer ones do. */
export function isBinary(text: string, base: number): boolean {
  return (base === 0 || base === 2) && /^[ \t\n\v\f\r]*[+-]?0b[01]/iu.test(text);
}

export interface BinaryNumber {
  before: string;
  sign: "" | "+" | "-";
  prefix: string;
  bits: string;
  after: string;
}

export const binaryNumbers: fc.Arbitrary<BinaryNumber> = fc.record({
  before: fc.constantFrom("", " ", "\t\n\v\f\r "),
  sign: fc.constantFrom("", "+", "-"),
  prefix: fc.constantFrom("0b", "0B"),
  bits: fc.oneof(
    fc.array(fc.constantFrom("0", "1"), { maxLength: 70 }).map((bits) => bits.join("")),
    fc
      .tuple(fc.constantFrom(63n, 64n), fc.bigInt(-2n, 2n))
      .map(([power, more]) => ((1n << power) + more).toString(2)),
  ),
  after: fc.constantFrom("", "2", "b1", " 1", "x", "-", "_1"),
});

/** What C23 says of the number (7.24.1.7), in 64 bits. */
export function readBinary(
  { before, sign, prefix, bits }: BinaryNumber,
  isSigned: boolean,
  errnoBefore: number,
): Parsed {
  const start = before.length + sign.length;
  // The 0 of a prefix that nothing follows is a number itself.
  if (bits === "") return { value: 0n, end: start + 1, errno: errnoBefore };
  const end = start + prefix.length + bits.length;
  const size = BigInt(`0b${bits}`);
  const [least, most] = isSigned
    ? [-(1n << 63n), (1n << 63n) - 1n]
    : [1n - (1n << 64n), (1n << 64n) - 1n];
  const value = sign === "-" ? -size : size;
  const errno = constants.errno.ERANGE;
  if (value > most) return { value: most, end, errno };
  if (value < least) return { value: isSigned ? least : most, end, errno };
  return { value: isSigned ? value : BigInt.asUintN(64, value), end, errno: errnoBefore };
}
