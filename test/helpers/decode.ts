import { decodeImage, inspectImage, type DecodedImage } from "../../src/image/decode.js";
import { defaultLimits } from "../../src/image/limits.js";
import { writeRgb } from "../../src/image/pixels.js";
import {
  prepareImage,
  type PreparedImage,
  type Preprocessing,
} from "../../src/image/preprocess.js";

/** Reads a picture's header, decodes it, and converts every row to RGB. */
export async function decode(
  file: Uint8Array,
  maxPixels: number,
): Promise<DecodedImage & { rgb: Buffer }> {
  const header = await inspectImage(file, { ...defaultLimits, maxPixels });
  const image = await decodeImage(file, header, 60);
  const stride = image.width * 3;
  const rgb = Buffer.alloc(stride * image.height);
  for (let row = 0; row < image.height; row += 1) {
    writeRgb(image, row, 0, rgb.subarray(row * stride, (row + 1) * stride));
  }
  return { ...image, rgb };
}

/** Runs all steps from a file to the square that a model gets. */
export async function prepare(
  file: Uint8Array,
  preprocessing: Preprocessing,
): Promise<PreparedImage> {
  const header = await inspectImage(file, defaultLimits);
  const signal = new AbortController().signal;
  return prepareImage(file, header, { preprocessing, timeoutSeconds: 60, signal });
}
