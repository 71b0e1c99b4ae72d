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

export interface PreparedImage {
  width: number;
  height: number;
  format: string;
  /** `[crop, crop, 3]` bytes: red, green, blue. The buffer holds nothing else. */
  pixels: Uint8Array;
}

export interface PrepareOptions {
  preprocessing: Preprocessing;
  /** The time that libvips may work on the picture; a whole number. */
  timeoutSeconds: number;
  /** Checked between decoding and resizing. */
  signal: AbortSignal;
}

/**
 * Makes a square of a file as torchvision's classification transform does: `Resize` of the short side
 * (Pillow's bilinear), then `CenterCrop`. pack.ts does the rest, `ToTensor` and `Normalize`.
 *
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
 * A wrong number of samples would yield a plausible but wrong classification instead of an error.
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

/** torchvision's `Resize(short)`: the short side gets `short` pixels; the long side is rounded down. */
export function resizedSize(
  width: number,
  height: number,
  short: number,
): { width: number; height: number } {
  return width <= height
    ? { width: short, height: Math.trunc((short * height) / width) }
    : { width: Math.trunc((short * width) / height), height: short };
}

/** The offset of torchvision's `CenterCrop`: `int(round((size - crop) / 2))`; Python rounds halves to even. */
export function cropOffset(size: number, crop: number): number {
  const half = (size - crop) / 2;
  const below = Math.floor(half);
  return half - below === 0.5 ? below + (below % 2) : Math.round(half);
}
