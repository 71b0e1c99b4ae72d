import { readTiffDirectory } from "./tiff-directory.js";

/** How the pixels of a TIFF's first picture are stored. */
export interface TiffLayout {
  /** Size in pixels; undefined if the picture is stored in strips. */
  tile: { width: number; height: number } | undefined;
  /** Rows of a strip. If the picture is one strip, the value may exceed the picture's height. */
  rowsPerStrip: number;
  /** Whether each colour channel is stored in a separate plane. */
  isPlanar: boolean;
  isYCbCr: boolean;
}

/** TIFF 6.0, appendix A. */
const tags = {
  photometric: 262,
  rowsPerStrip: 278,
  planarConfiguration: 284,
  tileWidth: 322,
  tileLength: 323,
} as const;
const oneStrip = 0xffff_ffff;
const planar = 2;
const yCbCr = 6;

/**
 * Reads how a TIFF's first picture is stored (TIFF 6.0, appendix A).
 *
 * @returns undefined if the directory is malformed
 */
export function readTiffLayout(file: Uint8Array): TiffLayout | undefined {
  const directory = readTiffDirectory(file);
  if (directory === undefined) return undefined;
  const valueOf = (tag: number): number | undefined => directory.get(tag)?.[0];
  const width = valueOf(tags.tileWidth);
  const height = valueOf(tags.tileLength);
  return {
    tile: width === undefined || height === undefined ? undefined : { width, height },
    rowsPerStrip: valueOf(tags.rowsPerStrip) ?? oneStrip,
    isPlanar: valueOf(tags.planarConfiguration) === planar,
    isYCbCr: valueOf(tags.photometric) === yCbCr,
  };
}
