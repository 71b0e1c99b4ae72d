import assert from "node:assert/strict";
import { firstOpaqueFrame, isGif } from "../../src/image/gif-frame.js";
import { pictureSeeds } from "../picture-seeds.js";
import type { Target } from "../target.js";

/** GIF: the file that is written with the first picture is read as the same file again. */
export const gif: Target = {
  name: "gif",
  parsers: ["src/image/gif-frame.ts"],
  mutation: "bytes",
  maxBytes: 262_144,
  dictionary: ["\x21\xf9\x04", "\x21\xff", "\x2c\0\0\0\0", "\x3b", "\0"],
  prepare: () => Promise.resolve({ seeds: pictureSeeds(/\.gif$/u), check }),
};

function check(input: Uint8Array): string {
  const frame = firstOpaqueFrame(input);
  if (frame === undefined) return `${isGif(input)} none`;
  assert(frame.length <= input.length + 1);
  assert(frame === input || frame.at(-1) === 0x3b, "a frame without the trailer");
  const again = firstOpaqueFrame(frame);
  assert(again !== undefined, "a frame without a first picture");
  assert.deepEqual(Buffer.from(again), Buffer.from(frame), "another frame of a frame");
  return `${isGif(input)} ${frame.length === input.length} ${frame.at(-1) === 0x3b}`;
}
