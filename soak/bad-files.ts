import sharp from "sharp";
import { Random } from "../scripts/random.js";
import { flatPng } from "../test/helpers/png.js";
import { tiff } from "../test/helpers/tiff.js";
import type { GoodPicture } from "./good-pictures.js";

/** A file that the server has to refuse. */
export interface BadFile {
  name: string;
  file: Buffer;
  /** The allowed error codes of docs/errors.md. */
  codes: readonly string[];
}

const unsupported = ["IMAGE_UNSUPPORTED"];
const tooLarge = ["IMAGE_TOO_LARGE"];

/** Makes truncated, damaged and too large pictures, and files that are not pictures. */
export async function makeBadFiles(good: readonly GoodPicture[]): Promise<BadFile[]> {
  const cut = good
    .filter(({ name }) => name.startsWith("dog-") && !/large|tiles/u.test(name))
    .map(({ name, file }) => ({
      name: `cut-${name}`,
      file: file.subarray(0, Math.floor(file.length * 0.6)),
      codes: unsupported,
    }));
  const flat = (width: number, height: number) =>
    sharp({ create: { width, height, channels: 3, background: "#123456" } });
  const random = new Random("noise");
  const noise = Buffer.from(Array.from({ length: 5000 }, () => random.integer(0, 255)));
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect/></svg>';
  return [
    ...cut,
    { name: "noise.jpg", file: noise, codes: unsupported },
    { name: "empty.jpg", file: Buffer.alloc(0), codes: unsupported },
    { name: "text.png", file: Buffer.from("not a picture"), codes: unsupported },
    { name: "drawing.svg", file: Buffer.from(svg), codes: unsupported },
    { name: "head-only.jpg", file: Buffer.from("ffd8ffe000104a464946", "hex"), codes: unsupported },
    {
      name: "bomb-wide.png",
      file: flatPng({ width: 50_000_000, height: 1, bits: 16, colourType: 6 }),
      codes: tooLarge,
    },
    {
      name: "bomb-high.png",
      file: flatPng({ width: 1, height: 50_000_000, bits: 1, colourType: 0 }),
      codes: tooLarge,
    },
    {
      name: "bomb.png",
      file: flatPng({ width: 20_000, height: 20_000, bits: 1, colourType: 0 }),
      codes: tooLarge,
    },
    {
      name: "bomb.tif",
      file: tiff({
        ...{ width: 7000, height: 7000, bits: 16, samples: 4, extraSamples: 2 },
        tile: { width: 1600, height: 7008 },
      }),
      codes: tooLarge,
    },
    {
      name: "bomb.avif",
      file: await flat(7000, 7000).avif({ effort: 0 }).toBuffer(),
      codes: tooLarge,
    },
  ];
}
