import { describe, expect, test } from "@jest/globals";
import { packPicture, type Normalization } from "../../src/image/pack.js";

const normalization: Normalization = {
  channels: "RGB",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};
/** Two pixels: red, green and blue of each. */
const picture = Uint8Array.of(255, 0, 51, 0, 102, 204);

function pack(options: Partial<Normalization>): number[] {
  const target = new Float32Array(12).fill(7);
  packPicture(picture, { ...normalization, ...options }, target, 3);
  expect([...target.subarray(0, 3), ...target.subarray(9)]).toEqual([7, 7, 7, 7, 7, 7]);
  return [...target.subarray(3, 9)];
}

describe("a picture's bytes", () => {
  test("become planes, scaled to 1 and normalised, at the given offset", () => {
    const wanted = [
      (1 - 0.485) / 0.229,
      -0.485 / 0.229,
      -0.456 / 0.224,
      (0.4 - 0.456) / 0.224,
      (0.2 - 0.406) / 0.225,
      (0.8 - 0.406) / 0.225,
    ];
    pack({}).forEach((value, index) => {
      expect(value).toBeCloseTo(wanted[index] ?? NaN, 5);
    });
  });

  test("are in the order BGR if the model requires it, and so are mean and deviation", () => {
    const planes = pack({ channels: "BGR", mean: [0.1, 0.2, 0.3], std: [1, 1, 2] });
    [0.1, 0.7, -0.2, 0.2, 0.35, -0.15].forEach((value, index) => {
      expect(planes[index]).toBeCloseTo(value, 6);
    });
  });
});
