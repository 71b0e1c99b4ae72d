import type { JpegFrame } from "./jpeg-frame.js";
import type { ImageSize } from "./limits.js";
import { pngMetadataBytes } from "./png-chunks.js";
import { readTiffLayout } from "./tiff-layout.js";

/** What a picture's memory is computed from, before it is decoded. */
export interface DecodeShape extends ImageSize {
  /** sharp's name: `jpeg`, `png`, `webp`, `gif`, `tiff`, `heif`. */
  format: string;
  /** Of one pixel, as the file's decoder gives it to libvips. */
  sourceBytes: number;
  /** Of one pixel, as libvips gives it to us: 1, 3 or 4. */
  outputBytes: number;
  /** Progressive JPEG, interlaced PNG. */
  isInterlaced: boolean;
  /** Turned or mirrored after it is decoded. */
  isTurned: boolean;
  /** What a JPEG's markers say. */
  jpeg: JpegFrame | undefined;
  /** What the file itself tells of its decoder's memory beside its size. */
  moreBytes: number;
}

/**
 * Rows that libvips keeps of a picture that it reads from the top to the bottom (its line caches), rounded up.
 * Measured: 430 to 490 for pictures 32,768 pixels wide.
 */
const cachedRows = 576;
/** Of each of these rows, for each pixel: what conversions between them need. */
const conversionBytes = 1536;
/** Threads' stacks, code that is used for the first time, tables of entropy decoders, the resizing. */
const fixedBytes = 16 * 2 ** 20;
/** libwebp's and nsgif's output, and the canvas of the frame, four bytes a pixel each; the C library's slack. */
const webpBytes = 8;
const webpFixedBytes = 16 * 2 ** 20;
const gifBytes = 4.25;
/**
 * libaom's frame, libheif's planes, its interleaved picture and libvips' copy; for 8 bits, and for 10 and 12.
 * Measured: 16.3 and 22.4 beside the output.
 */
const avifBytes = { narrow: 17, wide: 24 } as const;

/** YCbCr in TIFF: a strip as it is unpacked, and its pixels as RGBA. Measured: 5.0 beside the output. */
const yCbCrBytes = 8;
/**
 * Of metadata, libvips' loaders, libvips' picture and sharp have a copy each, and JavaScript one that stays until it is
 * collected. Measured: 3.4 to 4 for JPEG; 4 for EXIF and 9 for
 * a text in PNG; 6 for TIFF, where libtiff has copies, too.
 */
const metadataCopies = { jpeg: 5, png: 10, tiff: 7 } as const;

/** The most memory that reading a file's header takes: all of it may be metadata. */
export function estimateHeaderBytes(file: Uint8Array): number {
  return file.length * metadataCopies.tiff;
}

/**
 * The most memory that decoding and resizing a picture takes, in bytes. Test: what a process that decodes such
 * pictures really takes, for each format, depth and number of channels (test/image/decode-memory.test.ts).
 */
export function estimateDecodeBytes(file: Uint8Array, shape: DecodeShape): number {
  const { width, height, sourceBytes, outputBytes, isTurned, moreBytes } = shape;
  const pixels = width * height;
  const output = pixels * outputBytes;
  // The loader's own memory is free when the picture is turned.
  const whole = output + Math.max(heldBytes(file, shape), isTurned ? output : 0);
  const rows = Math.min(height, cachedRows) * width * sourceBytes + width * conversionBytes;
  return Math.ceil(fixedBytes + whole + rows + metadataBytes(file, shape) + moreBytes);
}

/** All copies of what libvips keeps of a file as it is; of a TIFF, whose directory may have any tag, that may be all. */
function metadataBytes(file: Uint8Array, { format, jpeg }: DecodeShape): number {
  switch (format) {
    case "jpeg":
      return (jpeg?.metadataBytes ?? file.length) * metadataCopies.jpeg;
    case "png":
      return pngMetadataBytes(file) * metadataCopies.png;
    case "tiff":
      return file.length * metadataCopies.tiff;
    default:
      return 0;
  }
}

/** What a loader holds of the whole picture beside libvips' output. */
function heldBytes(file: Uint8Array, shape: DecodeShape): number {
  const { format, width, height, sourceBytes, isInterlaced } = shape;
  const pixels = width * height;
  switch (format) {
    case "jpeg":
      return jpegBytes(shape);
    case "png":
      // The copy without compressed texts.
      return file.length + (isInterlaced ? pixels * sourceBytes : 0);
    case "webp":
      return pixels * webpBytes + webpFixedBytes;
    case "gif":
      // The copy without transparency.
      return file.length + pixels * gifBytes;
    case "tiff":
      return tiffBytes(file, shape);
    default:
      // libheif copies the compressed picture.
      return 2 * file.length + pixels * (sourceBytes > 4 ? avifBytes.wide : avifBytes.narrow);
  }
}

/** Coefficients are 16-bit numbers, in whole MCUs. */
function jpegBytes({ width, height, jpeg }: DecodeShape): number {
  if (jpeg?.hasSeveralScans !== true) return 0;
  const { coefficientsPerPixel, mcuWidth, mcuHeight } = jpeg;
  return roundUp(width, mcuWidth) * roundUp(height, mcuHeight) * coefficientsPerPixel * 2;
}

/**
 * Contiguous strips, but for those of YCbCr, are read a few rows at a time. Of planes a strip each is held, and libvips' copy of them. Of
 * tiles it is two rows of them, where those are higher than the rows that libvips keeps anyway, and one tile that is
 * read. (Planes of tiles are not supported.)
 */
function tiffBytes(file: Uint8Array, { width, height, sourceBytes }: DecodeShape): number {
  const layout = readTiffLayout(file);
  if (layout === undefined) return width * height * Math.max(2 * sourceBytes, yCbCrBytes);
  const { tile, rowsPerStrip, isPlanar, isYCbCr } = layout;
  if (tile === undefined) {
    const pixels = Math.min(rowsPerStrip, height) * width;
    if (isYCbCr) return pixels * yCbCrBytes;
    return isPlanar ? 2 * pixels * sourceBytes : 0;
  }
  const rows = Math.min(roundUp(height, tile.height), 2 * tile.height);
  const kept = roundUp(width, tile.width) * rows - width * Math.min(height, cachedRows);
  return (Math.max(0, kept) + tile.width * tile.height) * sourceBytes;
}

function roundUp(size: number, step: number): number {
  return Math.ceil(size / Math.max(1, step)) * Math.max(1, step);
}
