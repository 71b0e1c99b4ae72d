import sharp, { type Sharp } from "sharp";
import { flatPng } from "../test/helpers/png.js";
import { tiff } from "../test/helpers/tiff.js";

export interface ExtremePicture {
  name: string;
  file: Buffer;
  /** `413 IMAGE_TOO_LARGE` for pictures over a limit. */
  expected: "200" | "413 IMAGE_TOO_LARGE";
}

/** Nearly 50 million pixels, the default of Images.MaxPixels. */
const full = { width: 8165, height: 6123 };
/** The largest AVIF within Images.MaxDecodeBytes, with 8 bits and with 10 or 12. */
const avif = { width: 6200, height: 4650 };
const deepAvif = { width: 5250, height: 3950 };
const whole = { chromaSubsampling: "4:4:4" };

/** Makes, for each format, the pictures that take the most memory within the limits, and pictures beyond the limits. */
export async function makeExtremePictures(
  progress: (line: string) => void,
): Promise<ExtremePicture[]> {
  const flat = (size: { width: number; height: number }, channels: 3 | 4 = 3): Sharp =>
    sharp({
      create: { ...size, channels, background: { r: 200, g: 100, b: 50, alpha: 0.5 } },
      limitInputPixels: false,
    });
  const makers: [string, ExtremePicture["expected"], () => Buffer | Promise<Buffer>][] = [
    [
      "progressive 4:4:4.jpg",
      "200",
      () =>
        flat(full)
          .jpeg({ progressive: true, ...whole })
          .toBuffer(),
    ],
    ["grain.jpg", "200", () => sharp(grain(full), raw(full)).jpeg({ quality: 20 }).toBuffer()],
    ["turned.jpg", "200", () => flat(full).withMetadata({ orientation: 6 }).jpeg(whole).toBuffer()],
    ["cmyk.jpg", "200", () => cmyk(full, {})],
    ["RGBA of 16 bits.png", "200", () => flatPng({ ...full, bits: 16, colourType: 6 })],
    [
      "interlaced RGB of 16 bits.png",
      "200",
      () => flatPng({ ...full, bits: 16, colourType: 2, isInterlaced: true }),
    ],
    [
      "interlaced RGBA of 16 bits.png",
      "200",
      () => flatPng({ ...full, bits: 16, colourType: 6, isInterlaced: true }),
    ],
    ["wide.png", "200", () => flatPng({ width: 32_768, height: 1500, bits: 16, colourType: 6 })],
    ["lossy.webp", "200", () => flat(full, 4).webp({ effort: 0 }).toBuffer()],
    ["lossless.webp", "200", () => flat(full, 4).webp({ effort: 0, lossless: true }).toBuffer()],
    ["opaque.gif", "200", () => flat(full).gif({ effort: 1 }).toBuffer()],
    [
      "8 bits.avif",
      "200",
      () =>
        flat(avif)
          .avif({ effort: 0, ...whole })
          .toBuffer(),
    ],
    ["12 bits.avif", "200", () => flat(deepAvif).avif({ effort: 0, bitdepth: 12 }).toBuffer()],
    [
      "turned RGBA of 16 bits.tif",
      "200",
      () => tiff({ ...full, bits: 16, samples: 4, extraSamples: 2, orientation: 6 }),
    ],
    [
      "large tiles.tif",
      "200",
      () =>
        tiff({
          ...{ ...full, bits: 8, samples: 3 },
          tile: { width: 4096, height: 3008 },
        }),
    ],
    [
      "planes of one strip.tif",
      "200",
      () => tiff({ ...full, bits: 8, samples: 3, isPlanar: true, rowsPerStrip: full.height }),
    ],
    [
      "all pixels in one row.png",
      "413 IMAGE_TOO_LARGE",
      () => flatPng({ width: 50_000_000, height: 1, bits: 16, colourType: 6 }),
    ],
    [
      "all pixels in one column.png",
      "413 IMAGE_TOO_LARGE",
      () => flatPng({ width: 1, height: 50_000_000, bits: 1, colourType: 0 }),
    ],
    [
      "too many pixels.png",
      "413 IMAGE_TOO_LARGE",
      () => flatPng({ width: 30_000, height: 30_000, bits: 1, colourType: 0 }),
    ],
    [
      "cmyk, progressive.jpg",
      "413 IMAGE_TOO_LARGE",
      () => cmyk(full, { progressive: true, ...whole }),
    ],
    [
      "large.avif",
      "413 IMAGE_TOO_LARGE",
      () => flat({ width: 7000, height: 7000 }).avif({ effort: 0 }).toBuffer(),
    ],
    [
      "high tiles.tif",
      "413 IMAGE_TOO_LARGE",
      () =>
        tiff({
          ...{ width: 7000, height: 7000, bits: 16, samples: 4, extraSamples: 2 },
          tile: { width: 1600, height: 7008 },
        }),
    ],
  ];
  const pictures: ExtremePicture[] = [];
  for (const [name, expected, make] of makers) {
    progress(`extremes: making ${name}`);
    pictures.push({ name, expected, file: await make() });
  }
  return pictures;
}

const raw = (size: { width: number; height: number }) => ({
  raw: { ...size, channels: 3 as const },
});

/** Enlarges a small CMYK picture, because converting all pixels of a large one is slow. */
async function cmyk(
  { width, height }: { width: number; height: number },
  options: { progressive?: boolean; chromaSubsampling?: string },
): Promise<Buffer> {
  const dot = sharp({ create: { width: 16, height: 16, channels: 3, background: "#c86432" } });
  return sharp(await dot.toColourspace("cmyk").jpeg().toBuffer())
    .pipelineColourspace("cmyk")
    .resize(width, height, { kernel: "nearest", fit: "fill" })
    .toColourspace("cmyk")
    .jpeg(options)
    .toBuffer();
}

/** Random RGB pixels, which cannot be compressed: xorshift (Marsaglia, 2003). */
export function grain({ width, height }: { width: number; height: number }): Buffer {
  const words = new Uint32Array(Math.ceil((width * height * 3) / 4));
  let state = 2_463_534_242;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer, 0, width * height * 3);
}
