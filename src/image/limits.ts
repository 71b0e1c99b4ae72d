import { ImageError } from "./image-error.js";

/** Limits of a picture. Each is checked after the header has been read, before any pixel is decoded. */
export interface ImageLimits {
  /** width × height */
  maxPixels: number;
  maxWidth: number;
  maxHeight: number;
  /** Bytes of one row as the file's decoder passes it on: width × channels × bytes of a sample. */
  maxRowBytes: number;
  /** Bytes of memory that decoding and resizing may take, as decode-memory.ts estimates them. */
  maxDecodeBytes: number;
}

/** The configuration's defaults (config/schema.ts). A test checks that both are equal. */
export const defaultLimits: ImageLimits = {
  maxPixels: 50_000_000,
  maxWidth: 32_768,
  maxHeight: 32_768,
  maxRowBytes: 524_288,
  maxDecodeBytes: 629_145_600,
};

/** A picture's size in pixels. */
export interface ImageSize {
  width: number;
  height: number;
}

/**
 * Checks a picture's dimensions.
 *
 * @param size width and height in pixels; `rowBytes` is the size of a row that the decoder outputs
 * @throws ImageError IMAGE_TOO_LARGE
 */
export function checkSize(
  { width, height, rowBytes }: ImageSize & { rowBytes: number },
  limits: ImageLimits,
): void {
  const { maxPixels, maxWidth, maxHeight, maxRowBytes } = limits;
  if (width * height > maxPixels) {
    throw tooLarge(`a picture of at most ${maxPixels} pixels`, `${width} × ${height}`);
  }
  if (width > maxWidth || height > maxHeight) {
    throw tooLarge(`a picture of at most ${maxWidth} × ${maxHeight}`, `${width} × ${height}`);
  }
  if (rowBytes > maxRowBytes) {
    throw tooLarge(`a picture whose decoded rows have at most ${maxRowBytes} bytes`, `${rowBytes}`);
  }
}

/**
 * Limits of a JPEG. Common encoders write 10 to 15 scans into a progressive file. libjpeg reads all scans before it
 * outputs the first row: at 49 megapixels that takes 45 ms per scan, even for a scan of a few bytes, and no time limit
 * stops it. Files with tables before each scan, and with a profile or XMP in pieces of 64 kB, have a few hundred
 * segments.
 */
export const mostInJpeg = { scans: 100, segments: 10_000 } as const;

/**
 * Checks the numbers of a JPEG's scans and segments, because each takes time to read.
 *
 * @throws ImageError IMAGE_TOO_LARGE
 */
export function checkSegments(found: { scans: number; segments: number }): void {
  const { scans, segments } = mostInJpeg;
  if (found.scans > scans) throw tooLarge(`a JPEG of at most ${scans} scans`, "one with more");
  if (found.segments > segments) {
    throw tooLarge(`a JPEG of at most ${segments} segments`, "one with more");
  }
}

/**
 * Checks how much memory decoding and resizing take.
 *
 * @param decodeBytes the result of `estimateDecodeBytes`
 * @throws ImageError IMAGE_TOO_LARGE
 */
export function checkDecodeBytes(decodeBytes: number, { maxDecodeBytes }: ImageLimits): void {
  if (decodeBytes <= maxDecodeBytes) return;
  throw tooLarge(
    `a picture whose decoding takes at most ${maxDecodeBytes} bytes of memory`,
    `one that takes up to ${decodeBytes}`,
  );
}

function tooLarge(expected: string, got: string): ImageError {
  return new ImageError("IMAGE_TOO_LARGE", `expected ${expected}; got ${got}`);
}
