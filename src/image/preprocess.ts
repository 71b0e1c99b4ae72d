import { outOfMemory } from "./decode-failure.js";
import { decodeImage, type ImageHeader } from "./decode.js";
import { resizeWindow, type Window } from "./pillow-resize.js";
import type { Pixels } from "./pixels.js";

/** Which part of a picture the model gets, from the manifest's section `preprocessing`. */
export interface Preprocessing {
  /** Pixels of the short side. */
  resize: number;
  /** Pixels of the square cut from the middle. */
  crop: number;
}

/** A picture as the model needs it, except for normalisation, and what the file was. */
export interface PreparedImage {
  /** Pixels of the whole upright picture, before resizing. */
  width: number;
  height: number;
  /** sharp's name of the file's format: `jpeg`, `png`, `webp`, `gif`, `tiff` or `heif` (AVIF). */
  format: string;
  /** `[crop, crop, 3]` bytes: red, green, blue. The buffer holds nothing else. */
  pixels: Uint8Array;
}

/** Preprocessing, and the limits of one call of `prepareImage`. */
export interface PrepareOptions {
  preprocessing: Preprocessing;
  /** Longest time that libvips may work on the picture; a whole number. */
  timeoutSeconds: number;
  /** Checked between decoding and resizing. */
  signal: AbortSignal;
}

/**
 * Decodes a file and cuts a square from it as torchvision's classification transform does: `Resize` of the short side
 * (Pillow's bilinear), then `CenterCrop`. pack.ts applies `ToTensor` and `Normalize`.
 *
 * @param file the encoded picture
 * @param header the result of `inspectImage` for the same file
 * @throws ImageError IMAGE_UNSUPPORTED, DECODE_TIMEOUT, OUT_OF_MEMORY; the signal's reason
 */
export async function prepareImage(
  file: Uint8Array,
  header: ImageHeader,
  { preprocessing, timeoutSeconds, signal }: PrepareOptions,
): Promise<PreparedImage> {
  const image = await decodeImage(file, header, timeoutSeconds);
  checkSamples(image);
  signal.throwIfAborted();
  const pixels = await resizeAndCrop(image, preprocessing).catch((cause: unknown) => {
    // A WebAssembly memory that cannot grow, or an array that cannot be allocated. Nothing else throws a RangeError here.
    throw cause instanceof RangeError ? outOfMemory(cause) : cause;
  });
  const { width, height, format } = image;
  return { width, height, format, pixels };
}

/**
 * Checks the number of samples. A wrong number would yield a plausible but wrong classification instead of an error.
 *
 * @throws Error unless `data` holds `height × width × channels` bytes
 */
function checkSamples({ width, height, channels, data }: Pixels): void {
  const expected = width * height * channels;
  if (data.length === expected) return;
  throw new Error(`decoding: expected ${expected} bytes of samples; got ${data.length}`);
}

/** @returns `[crop, crop, 3]` bytes */
function resizeAndCrop(image: Pixels, { resize, crop }: Preprocessing): Promise<Uint8Array> {
  const { width, height } = resizedSize(image.width, image.height, resize);
  const centre = (size: number): Window => ({
    size,
    offset: cropOffset(size, crop),
    length: crop,
  });
  return resizeWindow(image, centre(width), centre(height));
}

/**
 * Computes the size to which torchvision's `Resize(short)` resizes a picture.
 *
 * @param short pixels of the resized short side
 * @returns pixels; the long side is rounded down
 */
export function resizedSize(
  width: number,
  height: number,
  short: number,
): { width: number; height: number } {
  return width <= height
    ? { width: short, height: Math.trunc((short * height) / width) }
    : { width: Math.trunc((short * width) / height), height: short };
}

/**
 * Computes where torchvision's `CenterCrop` begins: `int(round((size - crop) / 2))`; Python rounds halves to even.
 *
 * @param size pixels of the picture's width or height
 * @param crop pixels of the square's side
 * @returns offset of the first pixel from the left or the top
 */
export function cropOffset(size: number, crop: number): number {
  const half = (size - crop) / 2;
  const below = Math.floor(half);
  return half - below === 0.5 ? below + (below % 2) : Math.round(half);
}
