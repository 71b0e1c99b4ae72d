import { decodeImage, inspectImage, type DecodedImage } from "../../src/image/decode.js";

/** Both steps of decoding. */
export async function decode(file: Uint8Array, maxPixels: number): Promise<DecodedImage> {
  return decodeImage(file, maxPixels, await inspectImage(file, maxPixels));
}
