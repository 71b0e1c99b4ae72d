import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { chunkType, visitPngChunks, withoutCompressedTexts } from "../../src/image/png-chunks.js";
import { readTextOrientation } from "../../src/image/png-orientation.js";
import { pictureSeeds } from "../picture-seeds.js";
import type { Target } from "../target.js";

const compressed: number[] = [
  chunkType.profile,
  chunkType.internationalText,
  chunkType.compressedText,
];

/** PNG: the chunks, the copy without compressed texts, and the orientation from texts. */
export const png: Target = {
  name: "png",
  parsers: [
    "src/image/png-chunks.ts",
    "src/image/png-orientation.ts",
    "src/image/tiff-directory.ts",
  ],
  mutation: "bytes",
  maxBytes: 262_144,
  dictionary: [
    "tEXt",
    "zTXt",
    "iTXt",
    "iCCP",
    "XML:com.adobe.xmp\0",
    "Raw profile type exif\0",
    'tiff:Orientation="',
  ],
  prepare: () =>
    Promise.resolve({
      seeds: [...pictureSeeds(/\.png$/u), inflatable(2 ** 20), inflatable(2 ** 21)],
      check,
    }),
};

function check(input: Uint8Array): string {
  let last = 8;
  visitPngChunks(input, (_type, dataStart, dataEnd) => {
    assert(dataStart >= last + 8 && dataEnd >= dataStart && dataEnd + 4 <= input.length);
    last = dataEnd + 4;
  });
  const copy = withoutCompressedTexts(input);
  if (copy === undefined) return "too many chunks";
  assert(copy.length <= input.length);
  visitPngChunks(copy, (type) => {
    assert(!compressed.includes(type), "a compressed text is left");
  });
  assert.deepEqual(Buffer.from(withoutCompressedTexts(copy) ?? []), Buffer.from(copy));
  const results = [true, false].map((hasExifChunk) => {
    const text = readTextOrientation(input, hasExifChunk);
    return text.kind === "found" ? `found ${text.orientation}` : text.kind;
  });
  return results.join(" ");
}

/** A PNG with a compressed text that is much longer when it is inflated. */
function inflatable(bytes: number): Buffer {
  const data = Buffer.concat([
    Buffer.from("zTXtRaw profile type exif\0\0", "latin1"),
    deflateSync(Buffer.alloc(bytes, 0x0a)),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length - 4);
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), length, data, Buffer.alloc(4)]);
}
