import { RequestError } from "../errors.js";

/** What a picture may be; each is held against its header, before a pixel is decoded. */
export interface ImageLimits {
  /** width × height */
  maxPixels: number;
  maxWidth: number;
  maxHeight: number;
  /** Bytes of one row as the file's decoder gives it: width × channels × bytes of a sample. */
  maxRowBytes: number;
  /** Memory that decoding and resizing may take: see decode-memory.ts. */
  maxDecodeBytes: number;
}

/** The configuration's defaults (config/schema.ts); a test holds the two together. */
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

/** @throws RequestError IMAGE_TOO_LARGE */
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
 * Of a JPEG. Progressive files have 10 scans, by the scripts of usual encoders 15 at most. All are read before the first
 * row is there, which takes 45 ms for each at 49 megapixels, even where it has next to no bytes; no time limit stops it.
 * Segments are a few hundred where there are tables before each scan and a profile or XMP in pieces of 64 kB.
 */
export const mostInJpeg = { scans: 100, segments: 10_000 } as const;

/** @throws RequestError IMAGE_TOO_LARGE for a JPEG whose scans, or segments, would take long to read */
export function checkSegments(found: { scans: number; segments: number }): void {
  const { scans, segments } = mostInJpeg;
  if (found.scans > scans) throw tooLarge(`a JPEG of at most ${scans} scans`, "one with more");
  if (found.segments > segments) {
    throw tooLarge(`a JPEG of at most ${segments} segments`, "one with more");
  }
}

/** @throws RequestError IMAGE_TOO_LARGE */
export function checkDecodeBytes(decodeBytes: number, { maxDecodeBytes }: ImageLimits): void {
  if (decodeBytes <= maxDecodeBytes) return;
  throw tooLarge(
    `a picture whose decoding takes at most ${maxDecodeBytes} bytes of memory`,
    `one that takes up to ${decodeBytes}`,
  );
}

function tooLarge(expected: string, got: string): RequestError {
  return new RequestError("IMAGE_TOO_LARGE", `expected ${expected}; got ${got}`);
}
