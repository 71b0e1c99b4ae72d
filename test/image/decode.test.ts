import { readdir } from "node:fs/promises";
import { crc32, deflateSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { configureDecoder } from "../../src/image/decode.js";
import { firstOpaqueFrame } from "../../src/image/gif-frame.js";
import { decode } from "../helpers/decode.js";
import { expected, fixture } from "../helpers/fixtures.js";
import { flatPng, pngChunk } from "../helpers/png.js";
import { tiff, type TiffShape } from "../helpers/tiff.js";

const maxPixels = 1_000_000;

beforeAll(() => {
  configureDecoder();
});

const names = Object.keys(expected.pictures);

test("every fixture has an expected result", async () => {
  const files = await readdir(new URL("../fixtures/images/", import.meta.url));
  expect(names).toEqual(files.filter((name) => !/\.(?:py|mjs|json)$/u.test(name)).sort());
});

describe("decoding equals Pillow's convert('RGB'):", () => {
  test.each(names)("%s", async (name) => {
    const { width, height, rgb } = await decode(await fixture(name), maxPixels);
    const wanted = expected.pictures[name];
    expect([width, height]).toEqual([wanted?.width, wanted?.height]);
    expect(rgb.equals(Buffer.from(wanted?.rgb ?? "", "base64"))).toBe(true);
  });

  test.each(names)("%s followed by any AES-CBC padding", async (name) => {
    const file = await fixture(name);
    const { rgb } = await decode(file, maxPixels);
    for (let length = 1; length <= 16; length += 1) {
      const padded = Buffer.concat([file, Buffer.alloc(length, length)]);
      const garbled = Buffer.concat([file, Buffer.alloc(length, 0xd9)]);
      expect((await decode(padded, maxPixels)).rgb.equals(rgb)).toBe(true);
      expect((await decode(garbled, maxPixels)).rgb.equals(rgb)).toBe(true);
    }
  });
});

describe("decoding refuses", () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>';
  test.each<[string, Buffer]>([
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("not a picture")],
    ["SVG", Buffer.from(svg)],
    ["SVG with a declaration", Buffer.from(`<?xml version="1.0"?>${svg}`)],
    ["HTML", Buffer.from("<!doctype html><html><body></body></html>")],
    ["PDF", Buffer.from("%PDF-1.7\n1 0 obj\n<<>>\nendobj\n")],
    ["a JPEG's first bytes", Buffer.from("ffd8ffe000104a46494600", "hex")],
    ["a PNG's first bytes", Buffer.from("89504e470d0a1a0a", "hex")],
    ["PPM, which libvips could read", Buffer.from("P6 1 1 255\nabc")],
  ])("%s", async (_what, file) => {
    await expect(decode(file, maxPixels)).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
    });
  });

  test.each(["rgb.jpg", "rgb.png", "rgb.webp", "rgb.tif"])("%s cut in half", async (name) => {
    const file = await fixture(name);
    const half = file.subarray(0, Math.floor(file.length / 2));
    await expect(decode(half, maxPixels)).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
    });
  });

  test("a picture of too many pixels, by its header", async () => {
    const file = await fixture("rgb.png");
    // PNG, section 11.2.2: IHDR holds width and height from byte 16 on, its CRC at 29.
    const huge = Buffer.from(file);
    huge.writeUInt32BE(60_000, 16);
    huge.writeUInt32BE(60_000, 20);
    huge.writeUInt32BE(crc32(huge.subarray(12, 29)), 29);
    await expect(decode(huge, maxPixels)).rejects.toMatchObject({
      code: "IMAGE_TOO_LARGE",
      message: expect.stringContaining("60000 × 60000"),
    });
  });

  test("one pixel more than allowed", async () => {
    const file = await fixture("rgb.png");
    await expect(decode(file, 23 * 17)).resolves.toMatchObject({ width: 23 });
    await expect(decode(file, 23 * 17 - 1)).rejects.toMatchObject({ code: "IMAGE_TOO_LARGE" });
  });
});

describe("decoding refuses what libvips and Pillow read differently:", () => {
  const size = { width: 23, height: 17 };
  test.each<[string, TiffShape]>([
    ["a TIFF of 16-bit CMYK", { ...size, bits: 16, samples: 4, photometric: 5 }],
    ["a TIFF of CMYK and another sample", { ...size, bits: 8, samples: 5, photometric: 5 }],
    ["a TIFF of signed 16-bit greys", { ...size, bits: 16, samples: 1, sampleFormat: 2 }],
    ["a TIFF of signed 8-bit greys", { ...size, bits: 8, samples: 1, sampleFormat: 2 }],
    ["a TIFF of 16-bit planes", { ...size, bits: 16, samples: 3, isPlanar: true }],
    [
      "a TIFF of 16-bit planes with premultiplied alpha",
      { ...size, bits: 16, samples: 4, extraSamples: 1, isPlanar: true },
    ],
    [
      "a TIFF of 16 bits with premultiplied alpha",
      { ...size, bits: 16, samples: 4, extraSamples: 1 },
    ],
    ["a TIFF of 16-bit greys where white is 0", { ...size, bits: 16, samples: 1, photometric: 0 }],
    [
      "a TIFF of planes where white is 0",
      { ...size, bits: 8, samples: 1, photometric: 0, isPlanar: true },
    ],
    ["a TIFF of floating-point colours", { ...size, bits: 32, samples: 3, sampleFormat: 3 }],
    ["a TIFF of grey and an unspecified sample", { ...size, bits: 8, samples: 2 }],
    ["a TIFF of five samples", { ...size, bits: 8, samples: 5 }],
  ])("%s", async (_what, shape) => {
    await expect(decode(tiff(shape), maxPixels)).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
      message: expect.stringContaining("docs/pictures.md"),
    });
  });

  test("a GIF whose first picture does not cover its screen", async () => {
    const file = Buffer.from(await fixture("palette.gif"));
    file.writeUInt16LE(24, 6);
    await expect(decode(file, maxPixels)).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
      message: expect.stringContaining("does not cover its screen"),
    });
  });

  test("a GIF with more than 10,000 extensions before its picture", async () => {
    const file = await fixture("transparent.gif");
    const at = 13 + ((file[10] ?? 0) & 0x80 ? 3 * 2 ** (((file[10] ?? 0) & 7) + 1) : 0);
    const controls = (count: number): Buffer =>
      Buffer.concat([
        file.subarray(0, at),
        Buffer.alloc(count * 3, "21f900", "hex"),
        file.subarray(at),
      ]);
    expect(firstOpaqueFrame(controls(9000))).toBeDefined();
    expect(firstOpaqueFrame(controls(10_001))).toBeUndefined();
    await expect(decode(controls(6_900_000), maxPixels)).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
    });
  });

  test("a PNG with more than 10,000 chunks beside IDAT", async () => {
    const chunks = Array.from({ length: 10_001 }, () => pngChunk("teXt", Buffer.alloc(0)));
    const file = flatPng({ width: 5, height: 5, bits: 8, colourType: 2, chunks });
    await expect(decode(file, maxPixels)).rejects.toMatchObject({ code: "IMAGE_UNSUPPORTED" });
  });

  test("a PNG with a text that Pillow refuses as a decompression bomb", async () => {
    const text = Buffer.concat([
      Buffer.from("XML:com.adobe.xmp\0\0", "latin1"),
      deflateSync(Buffer.alloc(2_000_000)),
    ]);
    const shape = { width: 5, height: 5, bits: 8, colourType: 2 } as const;
    const file = flatPng({ ...shape, chunks: [pngChunk("zTXt", text)] });
    await expect(decode(file, maxPixels)).rejects.toMatchObject({
      code: "IMAGE_UNSUPPORTED",
      message: expect.stringContaining("1 MiB"),
    });
  });
});

test("only the first picture of an animation is read", async () => {
  const file = await fixture("animated.gif");
  const frame = firstOpaqueFrame(file);
  expect(frame?.length).toBeLessThan(file.length);
  expect(frame?.at(-1)).toBe(0x3b);
});

test("the client's message does not contain a decoder's error", async () => {
  const file = await fixture("rgb.png");
  const broken = Buffer.from(file).fill(0, 60, 80);
  await expect(decode(broken, maxPixels)).rejects.toThrow(/^expected a whole JPEG[\w ,]+$/u);
});
