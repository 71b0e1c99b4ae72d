import assert from "node:assert/strict";
import { estimateDecodeBytes } from "../../src/image/decode-memory.js";
import { countScans, readJpegFrame } from "../../src/image/jpeg-frame.js";
import { pictureSeeds } from "../picture-seeds.js";
import type { Target } from "../target.js";

const mostScans = 100;
/** Sampling factors are 4 bits each; an MCU has 8 pixels for each. */
const largestMcu = 8 * 15;

/** JPEG: markers up to the first scan, and the number of scans. */
export const jpeg: Target = {
  name: "jpeg",
  parsers: ["src/image/jpeg-frame.ts", "src/image/decode-memory.ts"],
  mutation: "bytes",
  maxBytes: 262_144,
  dictionary: [
    "\xff\xda",
    "\xff\xc0",
    "\xff\xc2",
    "\xff\xd8",
    "\xff\xff",
    "\xff\x00",
    "\xff\xda\x00\x02",
  ],
  prepare: () => Promise.resolve({ seeds: pictureSeeds(/\.jpg$/u), check }),
};

function check(input: Uint8Array): string {
  const frame = readJpegFrame(input);
  const { coefficientsPerPixel, mcuWidth, mcuHeight, hasSeveralScans } = frame;
  assert(coefficientsPerPixel > 0 && coefficientsPerPixel <= 255);
  for (const size of [mcuWidth, mcuHeight])
    assert(size >= 8 && size <= largestMcu && size % 8 === 0);
  const scans = countScans(input, mostScans);
  assert(scans >= 0 && scans <= mostScans + 1 && scans <= input.length / 2);
  const shape = {
    format: "jpeg",
    width: 100,
    height: 100,
    sourceBytes: 3,
    outputBytes: 3,
    isInterlaced: false,
    isTurned: false,
  };
  const bytes = estimateDecodeBytes(input, shape);
  assert(Number.isSafeInteger(bytes) && bytes > 100 * 100 * 3);
  return `${hasSeveralScans} ${coefficientsPerPixel} ${Math.min(scans, 3)}`;
}
