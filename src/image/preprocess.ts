import { decodeImage, type DecodedImage } from "./decode.js";
import { resizeWindow, type Window } from "./pillow-resize.js";

/** How a model wants its pictures: the manifest's section of that name. */
export interface Preprocessing {
  resize: number;
  crop: number;
  channels: "RGB" | "BGR";
  mean: readonly number[];
  std: readonly number[];
}

export interface PreparedImage {
  width: number;
  height: number;
  format: string;
  /** `[3, crop, crop]`, in the order of `channels`, normalised. */
  pixels: Float32Array;
}

/**
 * File to tensor as torchvision's classification transform does it: `Resize` of the short side
 * (Pillow's bilinear), `CenterCrop`, scale to 0–1, `Normalize`.
 *
 * @throws RequestError IMAGE_UNSUPPORTED, IMAGE_TOO_LARGE
 */
export async function prepareImage(
  file: Uint8Array,
  preprocessing: Preprocessing,
  maxPixels: number,
): Promise<PreparedImage> {
  const image = await decodeImage(file, maxPixels);
  const square = await resizeAndCrop(image, preprocessing);
  const { width, height, format } = image;
  return { width, height, format, pixels: normalise(square, preprocessing) };
}

/** @returns `3 × crop × crop` bytes, interleaved */
function resizeAndCrop(image: DecodedImage, { resize, crop }: Preprocessing): Promise<Uint8Array> {
  const { width, height } = resizedSize(image.width, image.height, resize);
  const centre = (size: number): Window => ({
    size,
    offset: cropOffset(size, crop),
    length: crop,
  });
  return resizeWindow(image.rgb, image, centre(width), centre(height));
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

/** Interleaved bytes to planes of numbers. */
function normalise(bytes: Uint8Array, { channels, mean, std }: Preprocessing): Float32Array {
  const plane = bytes.length / 3;
  const pixels = new Float32Array(bytes.length);
  for (let channel = 0; channel < 3; channel += 1) {
    const source = channels === "RGB" ? channel : 2 - channel;
    const offset = -(mean[channel] ?? 0) / (std[channel] ?? 1);
    const scale = 1 / (255 * (std[channel] ?? 1));
    for (let pixel = 0; pixel < plane; pixel += 1) {
      pixels[channel * plane + pixel] = (bytes[pixel * 3 + source] ?? 0) * scale + offset;
    }
  }
  return pixels;
}
