import type { JpegFrame } from "./jpeg-frame.js";
import type { ImageSize } from "./limits.js";
import { pngMetadataBytes } from "./png-chunks.js";
import { readTiffLayout } from "./tiff-layout.js";

/** Properties of a picture, known before it is decoded, on which the memory of its decoding depends. */
export interface DecodeShape extends ImageSize {
  /** sharp's name of the file's format: `jpeg`, `png`, `webp`, `gif`, `tiff` or `heif` (AVIF). */
  format: string;
  /** Bytes of one pixel as the file's decoder passes it to libvips. */
  sourceBytes: number;
  /** Bytes of one pixel of libvips' output: 1, 3 or 4. */
  outputBytes: number;
  /** Whether it is a progressive JPEG or an interlaced PNG. */
  isInterlaced: boolean;
  /** Rotated or mirrored after decoding. */
  isTurned: boolean;
  /** Result of `readJpegFrame`; undefined for other formats. */
  jpeg: JpegFrame | undefined;
  /** Further memory of the decoder, known from the file's contents. */
  moreBytes: number;
}

/**
 * Rows that libvips' line caches keep of a picture that it reads sequentially, rounded up. Measured: 430 to 490 for
 * pictures 32,768 pixels wide.
 */
const cachedRows = 576;
/** Bytes per column that conversions between the line caches need. */
const conversionBytes = 1536;
/** Bytes that every picture takes: thread stacks, pages of code on first use, tables of entropy decoders, resizing. */
const fixedBytes = 16 * 2 ** 20;
/** Bytes per pixel of libwebp's output and the frame's canvas, four each. */
const webpBytes = 8;
const webpFixedBytes = 16 * 2 ** 20;
/** Bytes per pixel of nsgif's output, and the C library's slack. */
const gifBytes = 4.25;
/**
 * Bytes per pixel of libaom's frame, libheif's planes, its interleaved picture and libvips' copy; for 8 bits, and for 10
 * and 12. Measured: 16.3 and 22.4 beside the output.
 */
const avifBytes = { narrow: 17, wide: 24 } as const;

/** Bytes per pixel of a YCbCr TIFF's strip: unpacked, and as RGBA. Measured: 5.0 beside the output. */
const yCbCrBytes = 8;
/**
 * Copies of the metadata: one each of libvips' loader, libvips' image and sharp, and one of JavaScript until it is
 * garbage-collected. Measured: 3.4 to 4 for JPEG; 4 for EXIF and 9 for a text in PNG; 6 for TIFF, with libtiff's own.
 */
const metadataCopies = { jpeg: 5, png: 10, tiff: 7 } as const;

/**
 * Computes an upper bound of the memory that reading a file's header takes. The whole file may be metadata.
 *
 * @returns bytes
 */
export function estimateHeaderBytes(file: Uint8Array): number {
  return file.length * metadataCopies.tiff;
}

/**
 * Computes an upper bound of the memory that decoding and resizing a picture takes. test/image/decode-memory.test.ts
 * compares it with the memory of a process that decodes, for each format, depth and number of channels.
 *
 * @returns bytes, a whole number
 */
export function estimateDecodeBytes(file: Uint8Array, shape: DecodeShape): number {
  const { width, height, sourceBytes, outputBytes, isTurned, moreBytes } = shape;
  const pixels = width * height;
  const output = pixels * outputBytes;
  // The loader's own memory is freed before the picture is rotated.
  const whole = output + Math.max(heldBytes(file, shape), isTurned ? output : 0);
  const rows = Math.min(height, cachedRows) * width * sourceBytes + width * conversionBytes;
  return Math.ceil(fixedBytes + whole + rows + metadataBytes(file, shape) + moreBytes);
}

/** Bytes of all copies of the metadata. A whole TIFF may be metadata, because its directory may have any tag. */
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

/** Bytes that a loader holds for the whole picture, besides libvips' output. */
function heldBytes(file: Uint8Array, shape: DecodeShape): number {
  const { format, width, height, sourceBytes, isInterlaced } = shape;
  const pixels = width * height;
  switch (format) {
    case "jpeg":
      return jpegBytes(shape);
    case "png":
      // The copy of the file without compressed texts.
      return file.length + (isInterlaced ? pixels * sourceBytes : 0);
    case "webp":
      return pixels * webpBytes + webpFixedBytes;
    case "gif":
      // The copy of the file without transparency.
      return file.length + pixels * gifBytes;
    case "tiff":
      return tiffBytes(file, shape);
    default:
      // libheif copies the compressed picture.
      return 2 * file.length + pixels * (sourceBytes > 4 ? avifBytes.wide : avifBytes.narrow);
  }
}

/** Bytes of all coefficients of a JPEG with several scans: 16-bit numbers, in whole MCUs. */
function jpegBytes({ width, height, jpeg }: DecodeShape): number {
  if (jpeg?.hasSeveralScans !== true) return 0;
  const { coefficientsPerPixel, mcuWidth, mcuHeight } = jpeg;
  return roundUp(width, mcuWidth) * roundUp(height, mcuHeight) * coefficientsPerPixel * 2;
}

/**
 * Bytes that libvips' TIFF loader holds, besides its line caches.
 *
 * Strips:
 * - interleaved samples: none, because they are read a few rows at a time;
 * - YCbCr: a whole strip;
 * - separate planes: a strip of each plane, and libvips' copy of them.
 *
 * Tiles: two rows of tiles, as far as they exceed the line caches, and one tile that is being read. libvips does not
 * support tiles in separate planes.
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
