import type { Random } from "../scripts/random.js";

/** Bytes with a meaning in the formats under test: limits of ranges, signs, escapes and markers. */
const bytes = [
  0, 1, 2, 0x0a, 0x20, 0x22, 0x2e, 0x30, 0x3d, 0x5b, 0x7b, 0x7f, 0x80, 0xa0, 0xda, 0xfe, 0xff,
] as const;
const numbers = [
  0n,
  1n,
  2n,
  7n,
  8n,
  16n,
  127n,
  128n,
  255n,
  256n,
  4095n,
  4096n,
  32_767n,
  65_535n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
] as const;
const longestBlock = 64;
const mostCopies = 256;

type Mutation = (input: Buffer, random: Random, other: Uint8Array) => Buffer;

const mutations: readonly [Mutation, ...Mutation[]] = [
  flipBit,
  setByte,
  setNumber,
  removeBlock,
  insertBlock,
  repeatBlock,
  splice,
  truncate,
];

/** Changes an input in one place. @param other an input from which parts may be taken */
export function mutateBytes(input: Uint8Array, random: Random, other: Uint8Array): Buffer {
  return random.pick(mutations)(Buffer.from(input), random, other);
}

function flipBit(input: Buffer, random: Random): Buffer {
  const at = place(input, random);
  if (at < input.length) input[at] = (input[at] ?? 0) ^ (1 << random.integer(0, 7));
  return input;
}

function setByte(input: Buffer, random: Random): Buffer {
  const at = place(input, random);
  if (at < input.length)
    input[at] = random.chance(0.5) ? random.pick(bytes) : random.integer(0, 255);
  return input;
}

/** Changes 1, 2, 4 or 8 bytes as a number in either byte order: lengths, counts and offsets. */
function setNumber(input: Buffer, random: Random): Buffer {
  const width = random.pick([1, 2, 4, 8]);
  const at = place(input, random);
  if (at + width > input.length) return input;
  const field = input.subarray(at, at + width);
  const isLittle = random.chance(0.5);
  if (isLittle) field.reverse();
  const present = BigInt(`0x${field.toString("hex")}`);
  const value = random.pick([
    present + BigInt(random.integer(-8, 8)),
    present * 2n,
    random.pick(numbers),
    BigInt(input.length + random.integer(-16, 16)),
  ]);
  field.write(
    BigInt.asUintN(width * 8, value)
      .toString(16)
      .padStart(width * 2, "0"),
    "hex",
  );
  if (isLittle) field.reverse();
  return input;
}

function removeBlock(input: Buffer, random: Random): Buffer {
  const { start, end } = block(input, random);
  return Buffer.concat([input.subarray(0, start), input.subarray(end)]);
}

function insertBlock(input: Buffer, random: Random): Buffer {
  const at = place(input, random);
  const inserted = Buffer.from(
    Array.from({ length: random.integer(1, 8) }, () => random.pick(bytes)),
  );
  return Buffer.concat([input.subarray(0, at), inserted, input.subarray(at)]);
}

/** Repeats a block, sometimes many times, to find code whose time grows faster than its input. */
function repeatBlock(input: Buffer, random: Random): Buffer {
  const { start, end } = block(input, random);
  const copies = random.chance(0.1) ? random.integer(2, mostCopies) : 2;
  const repeated = Array.from({ length: copies }, () => input.subarray(start, end));
  return Buffer.concat([input.subarray(0, start), ...repeated, input.subarray(end)]);
}

/** Joins the start of one input and the end of another, or inserts a part of the other. */
function splice(input: Buffer, random: Random, other: Uint8Array): Buffer {
  const at = place(input, random);
  const { start, end } = block(Buffer.from(other), random);
  const isWhole = random.chance(0.3);
  const part = isWhole ? other.subarray(start) : other.subarray(start, end);
  return Buffer.concat([
    input.subarray(0, at),
    part,
    isWhole ? Buffer.alloc(0) : input.subarray(at),
  ]);
}

function truncate(input: Buffer, random: Random): Buffer {
  return input.subarray(0, place(input, random));
}

/** A random position. Half of them are in the first bytes, where formats have their headers. */
function place({ length }: Buffer, random: Random): number {
  return random.integer(0, random.chance(0.5) ? Math.min(length, longestBlock) : length);
}

function block(input: Buffer, random: Random): { start: number; end: number } {
  const start = place(input, random);
  const most = random.chance(0.1) ? input.length : longestBlock;
  return { start, end: Math.min(input.length, start + random.integer(1, Math.max(1, most))) };
}
