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

/** A decoded picture, upright. */
export interface DecodedImage extends Pixels {
  /** sharp's name of the file's format: `jpeg`, `png`, `webp`, `gif`, `tiff` or `heif` (AVIF). */
  format: string;
}

/** The only libvips loaders that are enabled. */
const loaders = [
  "VipsForeignLoadJpeg",
  "VipsForeignLoadPng",
  "VipsForeignLoadWebp",
  "VipsForeignLoadNsgif",
  "VipsForeignLoadTiff",
  "VipsForeignLoadHeif",
];

/** Bytes of a sample by libvips' sample format; all other formats count as `longestSampleBytes`. */
const sampleBytes: Record<string, number> = { uchar: 1, char: 1, ushort: 2, short: 2 };
/** Largest sample of a supported file: 32-bit integers or floats in a TIFF. */
const longestSampleBytes = 4;

/**
 * Configures sharp and libvips for the whole process. Call it once, before the first picture. It disables the cache of
 * decoded pictures, and all loaders except those for JPEG, PNG, WebP, GIF, TIFF and AVIF: SVG, for example, would add an
 * XML parser and references to files.
 */
export function configureDecoder(): void {
  sharp.cache(false);
  // Several pictures are decoded in parallel already; more threads for each would compete for the same processors.
  sharp.concurrency(1);
  sharp.block({ operation: ["VipsForeignLoad"] });
  sharp.unblock({ operation: loaders });
}

/** PNG, section 11.2.2: IHDR's colour type. */
const pngColourTypeAt = 25;
const pngGrey = 0;

/** A picture's properties, read before its pixels. */
export interface ImageHeader {
  /** sharp's name of the file's format. */
  format: string;
  /** Pixels as stored in the file, before `orientation` is applied. */
  width: number;
  height: number;
  /** EXIF's Orientation; 1 is upright. */
  orientation: number;
  kind: PixelKind;
  /** Estimate of the most memory that decoding and resizing take. */
  decodeBytes: number;
}

/** The file's kind of samples, which decides how Pillow converts them to 8 bits. */
type PixelKind = "grey" | "grey16" | "rgb" | "cmyk";

const channelsOf: Record<PixelKind, Pixels["channels"]> = { grey: 1, grey16: 1, rgb: 3, cmyk: 4 };

/**
 * Reads a picture's header, without decoding pixels, and checks it against the limits.
 *
 * @param file the encoded picture
 * @throws ImageError IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE, OUT_OF_MEMORY
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
 * Decodes a picture. With `writeRgb` the result equals Pillow's `convert("RGB")` after `exif_transpose`: alpha is
 * dropped, not blended; ICC profiles are ignored; CMYK is converted without colour management; 16-bit greys are clipped.
 *
 * @param file the encoded picture
 * @param header the result of `inspectImage` for the same file
 * @param timeoutSeconds longest time that libvips may work on it, a whole number; libvips stops between two rows
 * @throws ImageError IMAGE_UNSUPPORTED, DECODE_TIMEOUT, OUT_OF_MEMORY
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
    // Decodes row by row if the format allows it; otherwise the whole picture would be in memory twice.
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
    // checkSize enforces the limits, with its own message.
    return await sharp(picture, { failOn: "error", limitInputPixels: false }).metadata();
  } catch (cause) {
    throw decodeFailure(cause);
  }
}

/** The picture that libvips decodes, extracted from an upload. */
interface Picture {
  /** The upload, or a copy without the parts that libvips must not read. */
  file: Uint8Array;
  /** Bytes of decoding memory that do not follow from the picture's size. */
  moreBytes?: number;
  /** Set for formats whose orientation libvips does not read from `file`. */
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

/** EXIF's Orientation as libvips reads it, or the value that Pillow finds in a PNG's texts. */
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
  // A grey PNG with a transparent colour (tRNS) gets an alpha channel from libvips, but stays 16-bit grey in Pillow.
  // A PNG whose own colour type is grey with alpha becomes 8 bits in Pillow.
  const isGreyPng = format === "png" && file[pngColourTypeAt] === pngGrey;
  if (depth === "ushort" && (channels === 1 || isGreyPng)) return "grey16";
  return depth === "uchar" && space === "b-w" && colours === 1 ? "grey" : "rgb";
}

function asPillow(image: Sharp, kind: PixelKind): Sharp {
  switch (kind) {
    case "cmyk":
      return image.pipelineColourspace("cmyk").toColourspace("cmyk").raw();
    case "grey16":
      // libvips' cast to 8 bits clips: every value over 255 becomes white, as in Pillow (modes I and I;16).
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
