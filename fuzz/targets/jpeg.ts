import assert from "node:assert/strict";
import { estimateDecodeBytes } from "../../src/image/decode-memory.js";
import { readJpegFrame } from "../../src/image/jpeg-frame.js";
import { pictureSeeds } from "../picture-seeds.js";
import type { Target } from "../target.js";

const most = { scans: 100, segments: 10_000 };
/** Sampling factors have 4 bits, and an MCU has 8 pixels for each unit of them. */
const largestMcu = 8 * 15;

/** JPEG: the frame, the markers and the number of scans. */
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
  const frame = readJpegFrame(input, most);
  const { coefficientsPerPixel, mcuWidth, mcuHeight, hasSeveralScans, scans, segments } = frame;
  assert(coefficientsPerPixel > 0 && coefficientsPerPixel <= 255);
  for (const size of [mcuWidth, mcuHeight])
    assert(size >= 8 && size <= largestMcu && size % 8 === 0);
  assert(scans >= 0 && scans <= most.scans + 1 && scans <= input.length / 2);
  assert(segments >= scans && segments <= most.segments + 1);
  assert(frame.metadataBytes >= 0 && frame.metadataBytes <= input.length);
  const shape = {
    format: "jpeg",
    width: 100,
    height: 100,
    sourceBytes: 3,
    outputBytes: 3,
    isInterlaced: false,
    isTurned: false,
    jpeg: frame,
    moreBytes: 0,
  };
  const bytes = estimateDecodeBytes(input, shape);
  assert(Number.isSafeInteger(bytes) && bytes > 100 * 100 * 3);
  return `${hasSeveralScans} ${coefficientsPerPixel} ${Math.min(scans, 3)}`;
}
