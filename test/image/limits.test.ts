import { beforeAll, describe, expect, test } from "@jest/globals";
import { configureDecoder, inspectImage } from "../../src/image/decode.js";
import { defaultLimits, type ImageLimits } from "../../src/image/limits.js";
import { flatPng } from "../helpers/png.js";

beforeAll(() => {
  configureDecoder();
});

describe("a picture is refused by its header if it has", () => {
  const file = flatPng({ width: 30, height: 20, bits: 16, colourType: 6 });
  test.each<[string, Partial<ImageLimits>, Partial<ImageLimits>, string]>([
    ["too many pixels", { maxPixels: 600 }, { maxPixels: 599 }, "at most 599 pixels; got 30 × 20"],
    ["too many columns", { maxWidth: 30 }, { maxWidth: 29 }, "at most 29 × 32768; got 30 × 20"],
    ["too many rows", { maxHeight: 20 }, { maxHeight: 19 }, "at most 32768 × 19; got 30 × 20"],
    [
      "too many bytes in a row",
      { maxRowBytes: 240 },
      { maxRowBytes: 239 },
      "at most 239 bytes; got 240",
    ],
  ])("%s", async (_what, enough, less, message) => {
    await expect(inspectImage(file, { ...defaultLimits, ...enough })).resolves.toMatchObject({
      width: 30,
    });
    await expect(inspectImage(file, { ...defaultLimits, ...less })).rejects.toMatchObject({
      code: "IMAGE_TOO_LARGE",
      message: expect.stringContaining(message),
    });
  });

  test("an estimate of more memory than allowed", async () => {
    const { decodeBytes } = await inspectImage(file, defaultLimits);
    const limits = { ...defaultLimits, maxDecodeBytes: decodeBytes };
    await expect(inspectImage(file, limits)).resolves.toBeDefined();
    limits.maxDecodeBytes -= 1;
    await expect(inspectImage(file, limits)).rejects.toMatchObject({
      code: "IMAGE_TOO_LARGE",
      message: expect.stringContaining(`at most ${decodeBytes - 1} bytes of memory`),
    });
  });
});
