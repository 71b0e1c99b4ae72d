import { deflateSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "@jest/globals";
import sharp, { type Sharp } from "sharp";
import { configureDecoder, inspectImage } from "../../src/image/decode.js";
import { defaultLimits } from "../../src/image/limits.js";
import { avif as avifOf, box, clap, obusOf, uint } from "../helpers/avif.js";
import { measureDecode, noLimits } from "../helpers/measure-decode.js";
import { flatPng, pngChunk } from "../helpers/png.js";
import { tiff, type TiffShape } from "../helpers/tiff.js";

/** How far an estimate may exceed the memory that a picture takes: a factor, and a fixed number of bytes. */
const looseness = 1.6;
const slackBytes = 40e6;

beforeAll(() => {
  configureDecoder();
});

const [width, height] = [4000, 3000];

function picture(channels: 3 | 4 = 3): Sharp {
  const background = { r: 200, g: 100, b: 50, alpha: 0.5 };
  return sharp({ create: { width, height, channels, background } });
}

/** A quarter of the pixels of the others, because converting them takes long. */
function cmyk(): Sharp {
  const size = { width: width / 2, height: height / 2 };
  return sharp({ create: { ...size, channels: 3, background: "#c86432" } }).toColourspace("cmyk");
}

const png = (bits: 1 | 8 | 16, colourType: 0 | 2 | 4 | 6, isInterlaced = false): (() => Buffer) => {
  return () => flatPng({ width, height, bits, colourType, isInterlaced });
};
const tif = (shape: Partial<TiffShape> & Pick<TiffShape, "bits" | "samples">): (() => Buffer) => {
  return () => tiff({ width, height, ...shape });
};
const jpeg = (options: object, turn = 1): (() => Promise<Buffer>) => {
  return () => picture().withMetadata({ orientation: turn }).jpeg(options).toBuffer();
};
const avif = (options: object, channels: 3 | 4 = 3): (() => Promise<Buffer>) => {
  return () =>
    picture(channels)
      .avif({ effort: 0, ...options })
      .toBuffer();
};
async function turnedAvif(): Promise<Buffer> {
  const data = Buffer.concat(await obusOf(picture(), full));
  const properties = [box("irot", uint(1, 1)), box("imir", uint(1, 0))];
  return avifOf({ width, height, data, properties });
}
const full = { chromaSubsampling: "4:4:4" };

const exifChunk = (bytes: number): Buffer =>
  pngChunk("eXIf", Buffer.concat([Buffer.from("49492a0008000000", "hex"), Buffer.alloc(bytes)]));
const text = (bytes: number): Buffer =>
  pngChunk("tEXt", Buffer.concat([Buffer.from("a\0"), Buffer.alloc(bytes, 0x41)]));

const segment = (code: number, data: Buffer): Buffer => {
  const head = Buffer.from([0xff, code, 0, 0]);
  head.writeUInt16BE(data.length + 2, 2);
  return Buffer.concat([head, data]);
};

/** ICC.1, annex B.4: a profile in pieces, each with its number and their count. */
function withProfile(file: Buffer): Buffer {
  const pieces = Array.from({ length: 255 }, (_, index) => {
    const head = Buffer.from("ICC_PROFILE\0??", "latin1");
    head.set([index + 1, 255], 12);
    return segment(0xe2, Buffer.concat([head, Buffer.alloc(65_519, index)]));
  });
  return Buffer.concat([file.subarray(0, 2), ...pieces, file.subarray(2)]);
}

/** A sequential frame and its only scan, in a comment, behind 0xffff bytes. */
function behindTem(file: Buffer): Buffer {
  const fake = Buffer.from("ffc0000b080bb80fa001011100ffda0008010100003f00", "hex");
  const comments = [Buffer.alloc(59_998), Buffer.concat([Buffer.alloc(5528), fake])];
  return Buffer.concat([
    file.subarray(0, 2),
    Buffer.from("ff01", "hex"),
    ...comments.map((text) => segment(0xfe, text)),
    file.subarray(2),
  ]);
}

const pictures: [string, () => Buffer | Promise<Buffer>][] = [
  ["JPEG 4:2:0", jpeg({})],
  ["JPEG 4:4:4", jpeg(full)],
  ["progressive JPEG 4:2:0", jpeg({ progressive: true })],
  ["progressive JPEG 4:4:4", jpeg({ progressive: true, ...full })],
  ["progressive JPEG 4:4:4, turned", jpeg({ progressive: true, ...full }, 6)],
  ["JPEG, turned", jpeg({}, 8)],
  ["grey progressive JPEG", () => picture().greyscale().jpeg({ progressive: true }).toBuffer()],
  ["CMYK JPEG", () => cmyk().jpeg().toBuffer()],
  ["CMYK progressive JPEG", () => cmyk().jpeg({ progressive: true }).toBuffer()],
  ["PNG, 1 bit of grey", png(1, 0)],
  ["PNG, 8 bits of grey", png(8, 0)],
  ["PNG, 16 bits of grey", png(16, 0)],
  ["PNG, 16 bits of grey and alpha", png(16, 4)],
  ["PNG, 8 bits of RGB", png(8, 2)],
  ["PNG, 16 bits of RGBA", png(16, 6)],
  ["interlaced PNG, 1 bit of grey", png(1, 0, true)],
  ["interlaced PNG, 16 bits of grey", png(16, 0, true)],
  ["interlaced PNG, 8 bits of RGB", png(8, 2, true)],
  ["interlaced PNG, 16 bits of RGBA", png(16, 6, true)],
  ["wide PNG", () => flatPng({ width: 32_768, height: 400, bits: 16, colourType: 6 })],
  ["tall PNG", () => flatPng({ width: 400, height: 32_768, bits: 16, colourType: 6 })],
  [
    "PNG with 100 texts that inflate to 8 MB each",
    () => {
      const text = Buffer.concat([Buffer.from("a\0\0"), deflateSync(Buffer.alloc(7_900_000))]);
      const chunks = Array.from({ length: 100 }, () => pngChunk("zTXt", text));
      return flatPng({ width, height, bits: 8, colourType: 2, chunks });
    },
  ],
  [
    "PNG with EXIF of 20 MB",
    () => flatPng({ width, height, bits: 8, colourType: 2, chunks: [exifChunk(20e6)] }),
  ],
  [
    "PNG with a text of 9 MB",
    () => flatPng({ width: 64, height: 64, bits: 8, colourType: 2, chunks: [text(9e6)] }),
  ],
  ["JPEG with a profile of 16 MB", async () => withProfile(await picture().jpeg().toBuffer())],
  [
    "progressive JPEG whose header is hidden from a parser that reads a length after TEM",
    async () =>
      behindTem(
        await picture()
          .jpeg({ progressive: true, ...full })
          .toBuffer(),
      ),
  ],
  ["TIFF with a profile of 20 MB", tif({ bits: 8, samples: 3, profile: Buffer.alloc(20e6, 1) })],
  ["WebP", () => picture().webp({ effort: 0 }).toBuffer()],
  ["WebP with alpha", () => picture(4).webp({ effort: 0 }).toBuffer()],
  ["lossless WebP", () => picture().webp({ effort: 0, lossless: true }).toBuffer()],
  ["GIF", () => picture().gif({ effort: 1 }).toBuffer()],
  ["GIF with transparency", () => picture(4).gif({ effort: 1 }).toBuffer()],
  ["AVIF", avif({})],
  ["AVIF 4:4:4 with alpha", avif(full, 4)],
  ["AVIF 4:4:4, turned and mirrored", turnedAvif],
  ["AVIF, 10 bits", avif({ bitdepth: 10 })],
  ["AVIF 4:4:4, 12 bits, with alpha", avif({ bitdepth: 12, ...full }, 4)],
  ["TIFF, 1 bit", tif({ bits: 1, samples: 1 })],
  ["TIFF, 8 bits of RGB", tif({ bits: 8, samples: 3 })],
  ["TIFF, 8 bits of RGB, one strip", tif({ bits: 8, samples: 3, rowsPerStrip: height })],
  ["TIFF, 16 bits of RGBA", tif({ bits: 16, samples: 4, extraSamples: 2 })],
  ["TIFF, CMYK", tif({ bits: 8, samples: 4, photometric: 5 })],
  ["TIFF, YCbCr", tif({ bits: 8, samples: 3, photometric: 6 })],
  ["TIFF, YCbCr in one strip", tif({ bits: 8, samples: 3, photometric: 6, rowsPerStrip: height })],
  ["TIFF, turned", tif({ bits: 8, samples: 3, orientation: 6 })],
  ["TIFF in tiles", tif({ bits: 8, samples: 3, tile: { width: 256, height: 256 } })],
  ["TIFF in one tile", tif({ bits: 8, samples: 3, tile: { width: 4096, height: 3008 } })],
  ["TIFF in planes", tif({ bits: 8, samples: 3, isPlanar: true })],
  [
    "TIFF in planes of one strip",
    tif({ bits: 8, samples: 3, isPlanar: true, rowsPerStrip: height }),
  ],
];

describe("the estimate of a picture's memory is an upper bound, and not far above the real figure:", () => {
  test.each(pictures)("%s", async (_name, make) => {
    const { decodeBytes = 0, code, peakBytes } = await measureDecode(await make(), noLimits);
    expect(code).toBeUndefined();
    expect(decodeBytes).toBeGreaterThanOrEqual(peakBytes);
    expect(decodeBytes).toBeLessThanOrEqual(peakBytes * looseness + slackBytes);
  });
});

describe("a picture over the limits is refused without taking memory:", () => {
  test.each<[string, () => Buffer | Promise<Buffer>]>([
    [
      "PNG of 50,000,000 × 1, 16 bits of RGBA",
      () => flatPng({ width: 50_000_000, height: 1, bits: 16, colourType: 6 }),
    ],
    [
      "PNG of 50,000,000 × 1, 1 bit of grey",
      () => flatPng({ width: 50_000_000, height: 1, bits: 1, colourType: 0 }),
    ],
    [
      "PNG of 5,000,000 × 10",
      () => flatPng({ width: 5_000_000, height: 10, bits: 8, colourType: 2 }),
    ],
    [
      "PNG of 1 × 50,000,000",
      () => flatPng({ width: 1, height: 50_000_000, bits: 1, colourType: 0 }),
    ],
    [
      "TIFF of 49 megapixels, 16 bits of RGBA, in high tiles",
      () =>
        tiff({
          ...{ width: 7000, height: 7000, bits: 16, samples: 4, extraSamples: 2 },
          tile: { width: 1600, height: 7008 },
        }),
    ],
    [
      "AVIF of 49 megapixels",
      () =>
        sharp({ create: { width: 7000, height: 7000, channels: 3, background: "#123" } })
          .avif({ effort: 0 })
          .toBuffer(),
    ],
  ])("%s", async (_name, make) => {
    const file = await make();
    const { code, peakBytes } = await measureDecode(file, defaultLimits);
    expect(code).toBe("IMAGE_TOO_LARGE");
    expect(peakBytes).toBeLessThan(file.length + 10e6);
  });
});

describe("a picture that would decode to more pixels than its header says is refused without taking memory:", () => {
  const size = { width: 5000, height: 5000 };
  const flat = (): Sharp => sharp({ create: { ...size, channels: 3, background: "#123" } });
  test.each<[string, (obus: Buffer[]) => Parameters<typeof avifOf>[0]]>([
    [
      "AVIF of 25 megapixels cut to 64 × 64",
      (obus) => ({ ...size, data: Buffer.concat(obus), properties: [clap(64, 64)] }),
    ],
    [
      "AVIF of 31 frames",
      (obus) => {
        const frames = Array.from({ length: 30 }, () => obus.slice(-1)).flat();
        return { ...size, data: Buffer.concat([...obus, ...frames]) };
      },
    ],
    [
      "AVIF of 25 megapixels whose header says 64 × 64",
      (obus) => ({ width: 64, height: 64, data: Buffer.concat(obus) }),
    ],
  ])("%s", async (_name, shapeOf) => {
    const file = avifOf(shapeOf(await obusOf(flat())));
    const { code, peakBytes } = await measureDecode(file, defaultLimits);
    expect(code).toBe("IMAGE_UNSUPPORTED");
    expect(peakBytes).toBeLessThan(10e6);
  });
});

describe("a picture of 50 megapixels fits into the default limit:", () => {
  const size = { width: 8165, height: 6123 };
  const flat = (): Sharp => sharp({ create: { ...size, channels: 3, background: "#123456" } });
  test.each<[string, () => Buffer | Promise<Buffer>]>([
    [
      "progressive JPEG 4:4:4",
      () =>
        flat()
          .jpeg({ progressive: true, ...full })
          .toBuffer(),
    ],
    ["WebP", () => flat().webp({ effort: 0 }).toBuffer()],
    ["PNG, 16 bits of RGBA", () => flatPng({ ...size, bits: 16, colourType: 6 })],
    [
      "interlaced PNG, 16 bits of RGB",
      () => flatPng({ ...size, bits: 16, colourType: 2, isInterlaced: true }),
    ],
    ["rotated TIFF, 16 bits of RGB", () => tiff({ ...size, bits: 16, samples: 3, orientation: 6 })],
    [
      "rotated TIFF, 16 bits of RGBA, which is converted to RGB first",
      () => tiff({ ...size, bits: 16, samples: 4, extraSamples: 2, orientation: 6 }),
    ],
    [
      "panorama of 25,000 × 2000",
      () => flatPng({ width: 25_000, height: 2000, bits: 8, colourType: 2 }),
    ],
  ])("%s", async (_name, make) => {
    const { decodeBytes } = await inspectImage(await make(), defaultLimits);
    expect(decodeBytes).toBeLessThanOrEqual(defaultLimits.maxDecodeBytes);
  });
});
