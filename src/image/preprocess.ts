import { outOfMemory } from "./decode-failure.js";
import { decodeImage, type ImageHeader } from "./decode.js";
import { resizeWindow, type Window } from "./pillow-resize.js";
import type { Pixels } from "./pixels.js";

/** What of a picture a model sees: in its manifest's section of that name. */
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
  /** `[crop, crop, 3]`: red, green, blue, in a buffer of their own. */
  pixels: Uint8Array;
}

export interface PrepareOptions {
  preprocessing: Preprocessing;
  /** The longest that libvips may work on the picture, a whole number. */
  timeoutSeconds: number;
  /** Checked between decoding and resizing. */
  signal: AbortSignal;
}

/**
 * File to square as torchvision's classification transform does it: `Resize` of the short side
 * (Pillow's bilinear), `CenterCrop`. What follows, `ToTensor` and `Normalize`, is model/pack.ts.
 *
 * @param header what `inspectImage` says of this very file
 * @throws RequestError IMAGE_UNSUPPORTED, DECODE_TIMEOUT, OUT_OF_MEMORY; the signal's reason
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
    // A memory of WebAssembly that cannot grow, an array that cannot be had: nothing else may fail here.
    throw cause instanceof RangeError ? outOfMemory(cause) : cause;
  });
  const { width, height, format } = image;
  return { width, height, format, pixels };
}

/**
 * A picture with other samples than its header announced would be classified wrongly, and nothing would show it.
 *
 * @throws Error
 */
function checkSamples({ width, height, channels, data }: Pixels): void {
  const expected = width * height * channels;
  if (data.length === expected) return;
  throw new Error(`decoding: expected ${expected} bytes of samples; got ${data.length}`);
}

/** @returns `3 × crop × crop` bytes, interleaved */
function resizeAndCrop(image: Pixels, { resize, crop }: Preprocessing): Promise<Uint8Array> {
  const { width, height } = resizedSize(image.width, image.height, resize);
  const centre = (size: number): Window => ({
    size,
    offset: cropOffset(size, crop),
    length: crop,
  });
  return resizeWindow(image, centre(width), centre(height));
}

/** torchvision's `Resize(short)`: the long side's fraction is cut off. */
export function resizedSize(
  width: number,
  height: number,
  short: number,
): { width: number; height: number } {
  return width <= height
    ? { width: short, height: Math.trunc((short * height) / width) }
    : { width: Math.trunc((short * width) / height), height: short };
}

/** torchvision's `CenterCrop`: `int(round((size - crop) / 2))`, where Python rounds halves to even. */
export function cropOffset(size: number, crop: number): number {
  const half = (size - crop) / 2;
  const below = Math.floor(half);
  return half - below === 0.5 ? below + (below % 2) : Math.round(half);
}
