import sharp from "sharp";
import type { Pixels } from "./pixels.js";

/**
 * How to turn a picture upright, by value of EXIF's Orientation (Exif 2.32, 4.6.4 A): mirror left to right, then rotate
 * clockwise. sharp applies the two in this order.
 */
const turns: Record<number, { degrees: number; isMirrored: boolean }> = {
  2: { degrees: 0, isMirrored: true },
  3: { degrees: 180, isMirrored: false },
  4: { degrees: 180, isMirrored: true },
  5: { degrees: 270, isMirrored: true },
  6: { degrees: 90, isMirrored: false },
  7: { degrees: 90, isMirrored: true },
  8: { degrees: 270, isMirrored: false },
};

/** Whether a picture with this EXIF orientation has to be rotated or mirrored. */
export function isTurned(orientation: number): boolean {
  return orientation in turns;
}

/**
 * Rotates and mirrors a picture upright. It works on the decoded 8-bit samples, because a decoder's own samples may take
 * 20 bytes a pixel.
 *
 * @param orientation EXIF's value; for 1 and unknown values the picture is returned unchanged
 */
export async function turnUpright(pixels: Pixels, orientation: number): Promise<Pixels> {
  const turn = turns[orientation];
  if (turn === undefined) return pixels;
  const { width, height, channels, data } = pixels;
  const raw = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  const turned = raw.flop(turn.isMirrored).rotate(turn.degrees);
  // Without `toColourspace` sharp expands one channel to three (sRGB).
  const output = turned.toColourspace(channels === 1 ? "b-w" : "srgb").raw();
  const { data: upright, info } = await output.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels, data: upright };
}
