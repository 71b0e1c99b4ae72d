import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { readTiffLayout } from "../../src/image/tiff-layout.js";
import { fixture } from "../helpers/fixtures.js";
import { flat } from "../helpers/pictures.js";
import { tiff } from "../helpers/tiff.js";

const shape = { width: 70, height: 50, bits: 8, samples: 3 } as const;

describe("a TIFF's layout", () => {
  test("in strips", () => {
    const file = tiff({ ...shape, rowsPerStrip: 7 });
    expect(readTiffLayout(file)).toEqual({
      tile: undefined,
      rowsPerStrip: 7,
      isPlanar: false,
      isYCbCr: false,
    });
  });

  test("in planes", () => {
    expect(readTiffLayout(tiff({ ...shape, isPlanar: true }))).toMatchObject({ isPlanar: true });
  });

  test("in tiles, in either byte order and in BigTIFF", async () => {
    const tile = { width: 32, height: 16 };
    expect(readTiffLayout(tiff({ ...shape, tile }))).toMatchObject({ tile });
    const options = { tile: true, tileWidth: 32, tileHeight: 16 };
    const big = await flat("red")
      .tiff({ ...options, bigtiff: true })
      .toBuffer();
    expect(big.readUInt16LE(2)).toBe(43);
    expect(readTiffLayout(big)).toMatchObject({ tile });
    expect(readTiffLayout(bigEndian(tile))).toMatchObject({ tile });
  });

  test("is that of the first picture, which libvips reads", async () => {
    const file = await fixture("rgb.tif");
    expect(readTiffLayout(file)).toMatchObject({ tile: undefined, isPlanar: false });
    expect(await sharp(file).metadata()).toMatchObject({ width: 23 });
  });

  test("is unknown if the directory lies outside of the file", () => {
    const file = tiff(shape);
    for (const length of [0, 3, 7, file.length - 100]) {
      expect(readTiffLayout(file.subarray(0, length))).toBeUndefined();
    }
  });

  test("is unknown if a directory has more entries than there are tags", async () => {
    const big = await flat("red").tiff({ bigtiff: true }).toBuffer();
    big.writeBigUInt64LE(2n ** 40n, Number(big.readBigUInt64LE(8)));
    expect(readTiffLayout(big)).toBeUndefined();
  });
});

/** A directory with two tags, and nothing else. */
function bigEndian({ width, height }: { width: number; height: number }): Buffer {
  const file = Buffer.alloc(8 + 2 + 24 + 4);
  file.write("MM\0*", "latin1");
  file.writeUInt32BE(8, 4);
  file.writeUInt16BE(2, 8);
  [
    [322, width],
    [323, height],
  ].forEach(([tag = 0, value = 0], index) => {
    const at = 10 + index * 12;
    file.writeUInt16BE(tag, at);
    file.writeUInt16BE(3, at + 2);
    file.writeUInt32BE(1, at + 4);
    file.writeUInt16BE(value, at + 8);
  });
  return file;
}
