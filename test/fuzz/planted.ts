import type { Prepared, Target } from "../../fuzz/target.js";

/** Creates a fuzz target for a parser. */
export function plant(
  check: Prepared["check"],
  seeds: readonly string[] = ["\x03abc\x01x"],
): Target {
  return {
    name: "planted",
    parsers: [],
    mutation: "bytes",
    maxBytes: 1024,
    prepare: () =>
      Promise.resolve({ seeds: seeds.map((seed) => Buffer.from(seed, "latin1")), check }),
  };
}

/** Reads texts, each after a byte with its length. The planted bug: it throws if more than 200 bytes are missing. */
export function readTexts(input: Uint8Array): string {
  const lengths: number[] = [];
  for (let at = 0; at < input.length;) {
    const length = input[at] ?? 0;
    const text = input.subarray(at + 1, at + 1 + length);
    if (text.length !== length && length > 200) throw new RangeError(`no ${length} bytes`);
    lengths.push(text.length);
    at += 1 + length;
  }
  return lengths.length > 2 ? "many" : "few";
}
