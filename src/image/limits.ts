import { ImageError } from "./image-error.js";

/** Limits of a picture. Each is checked against the header, before a pixel is decoded. */
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

export interface ImageSize {
  width: number;
  height: number;
}

/**
 * Checks a picture's dimensions.
 *
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
 * Limits of a JPEG. Progressive files have 10 scans, and 15 at most with the scan scripts of common encoders. All scans
 * are read before the first row is output, which takes 45 ms for each at 49 megapixels, even for a scan of a few bytes,
 * and which no time limit stops. Files with tables before each scan and a profile or XMP in pieces of 64 kB have a few
 * hundred segments.
 */
export const mostInJpeg = { scans: 100, segments: 10_000 } as const;

/**
 * Checks a JPEG's scans and segments, which take time to read.
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
 * Checks the estimate of decode-memory.ts.
 *
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
