import { deflateSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { readTextOrientation } from "../../src/image/png-orientation.js";
import { flatPng, pngChunk } from "../helpers/png.js";

const keyword = "XML:com.adobe.xmp";
const packet = (orientation: number): Buffer => Buffer.from(`<tiff:Orientation>${orientation}<`);
const bomb = deflateSync(Buffer.alloc(1_048_577, 0x41));
const plain = (text: Buffer, name = keyword): Buffer =>
  pngChunk("tEXt", Buffer.concat([Buffer.from(`${name}\0`), text]));
const zipped = (data: Buffer, name = keyword): Buffer =>
  pngChunk("zTXt", Buffer.concat([Buffer.from(`${name}\0\0`), data]));
const international = (data: Buffer, flag = 1): Buffer =>
  pngChunk(
    "iTXt",
    Buffer.concat([Buffer.from(`${keyword}\0`), Buffer.from([flag, 0, 0, 0]), data]),
  );
const read = (chunks: readonly Buffer[], hasExif = false): unknown =>
  readTextOrientation(flatPng({ width: 5, height: 5, bits: 8, colourType: 2, chunks }), hasExif);
const found = (orientation: number): unknown => ({ kind: "found", orientation });

/** ImageMagick's raw profile: three lines, then EXIF in hexadecimal digits. */
function rawProfile(orientation: number): Buffer {
  const exif = Buffer.from("49492a00080000000100120103000100000000000000", "hex");
  exif.writeUInt16LE(orientation, 18);
  const digits = exif.toString("hex");
  return Buffer.from(`\nexif\n      ${exif.length}\n${digits.slice(0, 20)}\n${digits.slice(20)}\n`);
}

describe("the orientation in a PNG's texts:", () => {
  test("the last text of a keyword counts, and the others are not inflated", () => {
    const last = zipped(deflateSync(packet(6)));
    expect(read([plain(packet(3)), last])).toEqual(found(6));
    expect(read([...Array.from({ length: 9000 }, () => zipped(bomb)), last])).toEqual(found(6));
    expect(read([last, zipped(bomb)])).toEqual({ kind: "refused" });
    expect(read([last, plain(packet(3))])).toEqual(found(3));
    expect(read([last, plain(Buffer.alloc(0))])).toEqual({ kind: "none" });
    expect(read([last, pngChunk("tEXt", Buffer.from(keyword))])).toEqual({ kind: "none" });
    expect(read([last, plain(packet(3), `${keyword}s`)])).toEqual(found(6));
  });

  test("an iTXt counts, too, unless Pillow skips it", () => {
    expect(read([international(deflateSync(packet(5)))])).toEqual(found(5));
    expect(read([international(packet(5), 0)])).toEqual(found(5));
    const cut = pngChunk("iTXt", Buffer.from(`${keyword}\0\0\0`));
    expect(read([plain(packet(4)), cut])).toEqual(found(4));
    const garbage = Buffer.from("no zlib stream");
    expect(read([international(garbage)])).toEqual({ kind: "none" });
    // Pillow would read the text before it, which may be one of thousands.
    expect(read([plain(packet(4)), international(garbage)])).toEqual({ kind: "refused" });
  });

  test("a truncated zlib stream is read as far as it goes", () => {
    expect(read([plain(packet(4)), zipped(Buffer.from("no zlib stream"))])).toEqual({
      kind: "none",
    });
    expect(read([zipped(deflateSync(packet(7)).subarray(0, -2))])).toEqual(found(7));
  });

  test("without EXIF, a raw profile takes precedence over XMP", () => {
    const chunks = [zipped(deflateSync(rawProfile(8)), "Raw profile type exif"), plain(packet(2))];
    expect(read(chunks)).toEqual(found(8));
    expect(read(chunks, true)).toEqual(found(2));
  });

  test.each([keyword, "Raw profile type exif"])(
    "a text of more than 1 MiB is refused: %s",
    (name) => {
      expect(read([plain(Buffer.alloc(1_048_576, "\n"), name)])).toEqual({ kind: "none" });
      expect(read([plain(Buffer.alloc(1_048_577, "\n"), name)])).toEqual({ kind: "refused" });
    },
  );
});
