import { cmykToRgb, greyToRgb } from "./pillow-colours.js";

/** A decoded picture: rows from top to bottom, interleaved samples of 8 bits. */
export interface Pixels {
  width: number;
  height: number;
  /** 1: grey. 3: red, green, blue. 4: cyan, magenta, yellow, black, where 255 is full ink. */
  channels: 1 | 3 | 4;
  /** `width × height × channels` bytes */
  data: Uint8Array;
}

/**
 * Writes part of a row as RGB, with the results of Pillow's `convert("RGB")`.
 *
 * @param row number of the row, from 0 at the top
 * @param target `3 × n` bytes; gets the pixels from `firstColumn` to before `firstColumn + n`
 */
export function writeRgb(
  { width, channels, data }: Pixels,
  row: number,
  firstColumn: number,
  target: Uint8Array,
): void {
  const start = (row * width + firstColumn) * channels;
  const source = data.subarray(start, start + (target.length / 3) * channels);
  if (channels === 3) target.set(source);
  else if (channels === 1) greyToRgb(source, target);
  else cmykToRgb(source, target);
}
