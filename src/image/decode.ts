import sharp, { type Metadata, type Sharp } from "sharp";
import { RequestError } from "../errors.js";
import { clipGrey16ToRgb, cmykToRgb } from "./pillow-colours.js";

/** A picture as people see it: upright, 8 bits of red, green and blue per pixel, row by row. */
export interface DecodedImage {
  width: number;
  height: number;
  /** sharp's name of the file's format: `jpeg`, `png`, `webp`, `gif`, `tiff` or `heif` (AVIF). */
  format: string;
  /** `3 × width × height` bytes */
  rgb: Buffer;
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

/** What a file says of itself before its pixels. */
export type ImageHeader = Pick<
  Metadata,
  "format" | "width" | "height" | "space" | "depth" | "channels"
>;

/**
 * Looks at a picture's header alone.
 *
 * @throws RequestError IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE
 */
export async function inspectImage(file: Uint8Array, maxPixels: number): Promise<ImageHeader> {
  const header = await readHeader(file);
  const { width, height } = header;
  if (width * height <= maxPixels) return header;
  throw new RequestError(
    "IMAGE_TOO_LARGE",
    `expected a picture of at most ${maxPixels} pixels; got ${width} × ${height}`,
  );
}

/**
 * Decodes a picture into what Pillow's `convert("RGB")` gives after `exif_transpose`: alpha dropped,
 * not blended; ICC profiles ignored; CMYK without colour management; 16-bit greys clipped.
 *
 * @param header what `inspectImage` says of this very file
 * @throws RequestError IMAGE_UNSUPPORTED
 */
export async function decodeImage(
  file: Uint8Array,
  maxPixels: number,
  header: ImageHeader,
): Promise<DecodedImage> {
  const image = sharp(file, {
    ignoreIcc: true,
    failOn: "error",
    limitInputPixels: maxPixels,
    // Row by row, where the format allows it: else the whole picture is in memory twice.
    sequentialRead: true,
  });
  try {
    const { rgb, size } = await readPixels(image.autoOrient(), header);
    return { format: header.format, ...size, rgb };
  } catch (cause) {
    throw unsupported(cause);
  }
}

async function readHeader(file: Uint8Array): Promise<ImageHeader> {
  try {
    // The size is ours to judge, with a message of its own.
    return await sharp(file, { failOn: "error", limitInputPixels: false }).metadata();
  } catch (cause) {
    throw unsupported(cause);
  }
}

async function readPixels(
  image: Sharp,
  { space, depth, channels }: ImageHeader,
): Promise<{ rgb: Buffer; size: { width: number; height: number } }> {
  const read = async (
    pipeline: Sharp,
    toRgb: (data: Buffer) => Buffer,
  ): Promise<{ rgb: Buffer; size: { width: number; height: number } }> => {
    const { data, info } = await pipeline.toBuffer({ resolveWithObject: true });
    return { rgb: toRgb(data), size: { width: info.width, height: info.height } };
  };
  if (space === "cmyk") {
    return read(image.pipelineColourspace("cmyk").toColourspace("cmyk").raw(), cmykToRgb);
  }
  if (depth === "ushort" && channels === 1) {
    const grey = image.pipelineColourspace("grey16").toColourspace("grey16");
    return read(grey.raw({ depth: "ushort" }), clipGrey16ToRgb);
  }
  return read(image.removeAlpha().toColourspace("srgb").raw(), (data) => data);
}

function unsupported(cause?: unknown): RequestError {
  return new RequestError(
    "IMAGE_UNSUPPORTED",
    "expected a whole JPEG, PNG, WebP, GIF, TIFF or AVIF picture",
    { cause },
  );
}
