import sharp from "sharp";
import type { Pixels } from "./pixels.js";

/** Mirrored left to right, then degrees clockwise (sharp's order), for each value of EXIF's Orientation (Exif 2.32, 4.6.4 A). */
const turns: Record<number, { degrees: number; isMirrored: boolean }> = {
  2: { degrees: 0, isMirrored: true },
  3: { degrees: 180, isMirrored: false },
  4: { degrees: 180, isMirrored: true },
  5: { degrees: 270, isMirrored: true },
  6: { degrees: 90, isMirrored: false },
  7: { degrees: 90, isMirrored: true },
  8: { degrees: 270, isMirrored: false },
};

export function isTurned(orientation: number): boolean {
  return orientation in turns;
}

/**
 * Turns a picture upright, after it is decoded to 8 bits: a decoder's own samples may have 20 bytes a pixel.
 *
 * @param orientation of EXIF; what is not among its values 2 to 8 changes nothing
 */
export async function turnUpright(pixels: Pixels, orientation: number): Promise<Pixels> {
  const turn = turns[orientation];
  if (turn === undefined) return pixels;
  const { width, height, channels, data } = pixels;
  const raw = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  const turned = raw.flop(turn.isMirrored).rotate(turn.degrees);
  // Without a colour space of its own sharp makes three channels of one.
  const output = turned.toColourspace(channels === 1 ? "b-w" : "srgb").raw();
  const { data: upright, info } = await output.toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels, data: upright };
}
