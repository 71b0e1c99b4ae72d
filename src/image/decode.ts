import sharp, { type Metadata, type Sharp } from "sharp";
import { isBoxFile } from "./avif-boxes.js";
import { readAvifStill } from "./avif-still.js";
import { decodeFailure, unlikePillow } from "./decode-failure.js";
import { estimateDecodeBytes } from "./decode-memory.js";
import { firstOpaqueFrame, isGif } from "./gif-frame.js";
import { readJpegFrame } from "./jpeg-frame.js";
import {
  checkDecodeBytes,
  checkSegments,
  checkSize,
  mostInJpeg,
  type ImageLimits,
} from "./limits.js";
import type { Pixels } from "./pixels.js";
import { isPng, mostChunks, withoutCompressedTexts } from "./png-chunks.js";
import { readTextOrientation } from "./png-orientation.js";
import { isReadLikePillow } from "./tiff-samples.js";
import { isTurned, turnUpright } from "./turn.js";
import { isWebp, readWebpStill } from "./webp-chunks.js";

/** A picture as people see it: upright. */
export interface DecodedImage extends Pixels {
  /** sharp's name of the file's format: `jpeg`, `png`, `webp`, `gif`, `tiff` or `heif` (AVIF). */
  format: string;
}

/** What the server reads; everything else that libvips could open stays closed to uploads. */
const loaders = [
  "VipsForeignLoadJpeg",
  "VipsForeignLoadPng",
  "VipsForeignLoadWebp",
  "VipsForeignLoadNsgif",
  "VipsForeignLoadTiff",
  "VipsForeignLoadHeif",
];

/** Of libvips' number formats; the others are larger than any file's samples may be here. */
const sampleBytes: Record<string, number> = { uchar: 1, char: 1, ushort: 2, short: 2 };
const longestSampleBytes = 4;

/**
 * To be called once, before the first picture. libvips keeps no decoded pictures, and no loader but
 * ours can run: SVG alone would bring an XML parser and file references.
 */
export function configureDecoder(): void {
  sharp.cache(false);
  // Pictures are decoded side by side; more threads for one would only stand in each other's way.
  sharp.concurrency(1);
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({ operation: loaders });
}

/** PNG, section 11.2.2: IHDR's colour type. */
const pngColourTypeAt = 25;
const pngGrey = 0;

/** What a file says of itself before its pixels. */
export interface ImageHeader {
  format: string;
  /** As it lies in the file, not turned. */
  width: number;
  height: number;
  /** Of EXIF; 1 is upright. */
  orientation: number;
  kind: PixelKind;
  /** The most memory that decoding and resizing take. */
  decodeBytes: number;
}

/** How a file's samples become pixels of 8 bits, as Pillow does it. */
type PixelKind = "grey" | "grey16" | "rgb" | "cmyk";

const channelsOf: Record<PixelKind, Pixels["channels"]> = { grey: 1, grey16: 1, rgb: 3, cmyk: 4 };

/**
 * Looks at a picture's header alone, and holds it against the limits.
 *
 * @throws RequestError IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, OUT_OF_MEMORY
 */
export async function inspectImage(file: Uint8Array, limits: ImageLimits): Promise<ImageHeader> {
  const picture = pictureOf(file);
  const metadata = await readMetadata(picture.file);
  const { format, width, height } = metadata;
  const orientation = picture.orientation ?? orientationOf(file, metadata);
  const sourceBytes = metadata.channels * (sampleBytes[metadata.depth] ?? longestSampleBytes);
  checkSize({ width, height, rowBytes: width * sourceBytes }, limits);
  if (format === "tiff" && !isReadLikePillow(file)) throw unlikePillow("a TIFF of such samples");
  const jpeg = format === "jpeg" ? readJpegFrame(file, mostInJpeg) : undefined;
  if (jpeg !== undefined) checkSegments(jpeg);
  const kind = kindOf(file, metadata);
  const decodeBytes = estimateDecodeBytes(file, {
    format,
    width,
    height,
    sourceBytes,
    outputBytes: channelsOf[kind],
    isInterlaced: metadata.isProgressive,
    isTurned: isTurned(orientation),
    jpeg,
    moreBytes: picture.moreBytes ?? 0,
  });
  checkDecodeBytes(decodeBytes, limits);
  return { format, width, height, orientation, kind, decodeBytes };
}

/**
 * Decodes a picture into what Pillow's `convert("RGB")` gives after `exif_transpose`, but for what `writeRgb` does:
 * alpha dropped, not blended; ICC profiles ignored; CMYK without colour management; 16-bit greys clipped.
 *
 * @param header what `inspectImage` says of this very file
 * @param timeoutSeconds the longest that libvips may work on it, a whole number; it stops between two rows
 * @throws RequestError IMAGE_UNSUPPORTED, DECODE_TIMEOUT, OUT_OF_MEMORY
 */
export async function decodeImage(
  file: Uint8Array,
  { format, width, height, orientation, kind }: ImageHeader,
  timeoutSeconds: number,
): Promise<DecodedImage> {
  const image = sharp(pictureOf(file).file, {
    ignoreIcc: true,
    failOn: "error",
    limitInputPixels: width * height,
    // Row by row, where the format allows it: else the whole picture is in memory twice.
    sequentialRead: true,
  });
  try {
    const { data, info } = await asPillow(
      image.timeout({ seconds: timeoutSeconds }),
      kind,
    ).toBuffer({
      resolveWithObject: true,
    });
    const pixels = { width: info.width, height: info.height, channels: channelsOf[kind], data };
    return { format, ...(await turnUpright(pixels, orientation)) };
  } catch (cause) {
    throw decodeFailure(cause);
  }
}

async function readMetadata(picture: Uint8Array): Promise<Metadata> {
  try {
    // The size is ours to judge, with a message of its own.
    return await sharp(picture, { failOn: "error", limitInputPixels: false }).metadata();
  } catch (cause) {
    throw decodeFailure(cause);
  }
}

interface Picture {
  /** What libvips gets to see of a file. */
  file: Uint8Array;
  /** Memory that its size does not tell. */
  moreBytes?: number;
  /** Where libvips does not read it. */
  orientation?: number;
}

function pictureOf(file: Uint8Array): Picture {
  if (isBoxFile(file)) return readAvifStill(file);
  if (isWebp(file)) return readWebpStill(file);
  if (isPng(file)) {
    const picture = withoutCompressedTexts(file);
    if (picture !== undefined) return { file: picture };
    throw unlikePillow(`a PNG of more than ${mostChunks} chunks beside IDAT`);
  }
  if (!isGif(file)) return { file };
  const frame = firstOpaqueFrame(file);
  if (frame === undefined) {
    throw unlikePillow(
      "a GIF whose first picture does not cover its screen, or stands behind 10,000 extensions",
    );
  }
  return { file: frame };
}

/** EXIF's, or that which Pillow finds elsewhere. */
function orientationOf(file: Uint8Array, { format, exif, orientation }: Metadata): number {
  if (format !== "png" || orientation !== undefined) return orientation ?? 1;
  const text = readTextOrientation(file, exif !== undefined);
  if (text.kind === "refused") throw unlikePillow("a PNG with a text of more than 1 MiB");
  return text.kind === "found" ? text.orientation : 1;
}

function kindOf(
  file: Uint8Array,
  { format, space, depth, channels, hasAlpha }: Metadata,
): PixelKind {
  if (space === "cmyk") return "cmyk";
  const colours = channels - (hasAlpha ? 1 : 0);
  // With a transparent colour (tRNS) libvips adds an alpha channel; of grey with alpha Pillow makes 8 bits.
  const isGreyPng = format === "png" && file[pngColourTypeAt] === pngGrey;
  if (depth === "ushort" && (channels === 1 || isGreyPng)) return "grey16";
  return depth === "uchar" && space === "b-w" && colours === 1 ? "grey" : "rgb";
}

function asPillow(image: Sharp, kind: PixelKind): Sharp {
  switch (kind) {
    case "cmyk":
      return image.pipelineColourspace("cmyk").toColourspace("cmyk").raw();
    case "grey16":
      // libvips' cast to 8 bits clips: everything over 255 is white. Pillow does the like (modes I and I;16).
      return image
        .removeAlpha()
        .pipelineColourspace("grey16")
        .toColourspace("grey16")
        .raw({ depth: "uchar" });
    case "grey":
      return image.removeAlpha().toColourspace("b-w").raw();
    case "rgb":
      return image.removeAlpha().toColourspace("srgb").raw();
  }
}
