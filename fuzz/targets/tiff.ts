import assert from "node:assert/strict";
import { estimateDecodeBytes } from "../../src/image/decode-memory.js";
import { readTiffDirectory } from "../../src/image/tiff-directory.js";
import { readTiffLayout } from "../../src/image/tiff-layout.js";
import { isReadLikePillow } from "../../src/image/tiff-samples.js";
import { pictureSeeds } from "../picture-seeds.js";
import type { Target } from "../target.js";

const mostEntries = 4096;
const mostValues = 16;

/** TIFF and BigTIFF in both byte orders: the first directory, and what is derived from it. */
export const tiff: Target = {
  name: "tiff",
  parsers: ["src/image/tiff-directory.ts", "src/image/tiff-layout.ts", "src/image/tiff-samples.ts"],
  mutation: "bytes",
  maxBytes: 131_072,
  dictionary: ["II*\0", "MM\0*", "II+\0\x08\0\0\0", "MM\0+\0\x08\0\0"],
  prepare: () => Promise.resolve({ seeds: pictureSeeds(/\.tif$/u), check }),
};

function check(input: Uint8Array): string {
  const directory = readTiffDirectory(input);
  const layout = readTiffLayout(input);
  const isKnown = isReadLikePillow(input);
  assert.equal(layout === undefined, directory === undefined);
  if (directory === undefined || layout === undefined) {
    assert(!isKnown);
    return "none";
  }
  assert(directory.size <= mostEntries);
  for (const [tag, values] of directory) {
    assert(tag <= 0xffff && values.length <= mostValues);
    assert(values.every((value) => value >= 0 && Number.isInteger(value)));
  }
  const shape = {
    format: "tiff",
    width: 100,
    height: 100,
    sourceBytes: 3,
    outputBytes: 3,
    isInterlaced: false,
    isTurned: false,
    jpeg: undefined,
    moreBytes: 0,
  };
  const bytes = estimateDecodeBytes(input, shape);
  assert(bytes > 0 && !Number.isNaN(bytes), `${bytes} bytes`);
  return `${directory.size} ${layout.tile !== undefined} ${layout.isPlanar} ${isKnown}`;
}
