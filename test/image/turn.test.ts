import { describe, expect, test } from "@jest/globals";
import type { Pixels } from "../../src/image/pixels.js";
import { turnUpright } from "../../src/image/turn.js";

const [width, height] = [5, 3];

/** Where a pixel of the upright picture lies in the file, by EXIF's definition of row 0 and column 0. */
const sources: readonly [orientation: number, at: (x: number, y: number) => [number, number]][] = [
  [1, (x, y) => [x, y]],
  [2, (x, y) => [width - 1 - x, y]],
  [3, (x, y) => [width - 1 - x, height - 1 - y]],
  [4, (x, y) => [x, height - 1 - y]],
  [5, (x, y) => [y, x]],
  [6, (x, y) => [y, height - 1 - x]],
  [7, (x, y) => [width - 1 - y, height - 1 - x]],
  [8, (x, y) => [width - 1 - y, x]],
];

function pixelAt({ width: columns, channels, data }: Pixels, x: number, y: number): number[] {
  const at = (y * columns + x) * channels;
  return [...data.subarray(at, at + channels)];
}

describe.each([1, 3, 4] as const)("a picture of %i channels is turned upright", (channels) => {
  const data = Buffer.from(Array.from({ length: width * height * channels }, (_, at) => at * 3));

  test.each(sources)("from orientation %i", async (orientation, source) => {
    const picture: Pixels = { width, height, channels, data };
    const upright = await turnUpright(picture, orientation);
    expect(upright).toMatchObject({
      width: orientation >= 5 ? height : width,
      height: orientation >= 5 ? width : height,
      channels,
    });
    expect(upright.data).toHaveLength(data.length);
    for (let y = 0; y < upright.height; y += 1) {
      for (let x = 0; x < upright.width; x += 1) {
        expect(pixelAt(upright, x, y)).toEqual(pixelAt(picture, ...source(x, y)));
      }
    }
  });
});
