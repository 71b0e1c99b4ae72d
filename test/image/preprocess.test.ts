import { beforeAll, describe, expect, test } from "@jest/globals";
import { configureDecoder, inspectImage } from "../../src/image/decode.js";
import { defaultLimits } from "../../src/image/limits.js";
import { resizeWindow } from "../../src/image/pillow-resize.js";
import type { Pixels } from "../../src/image/pixels.js";
import {
  cropOffset,
  prepareImage,
  resizedSize,
  type Preprocessing,
} from "../../src/image/preprocess.js";
import { decode, prepare } from "../helpers/decode.js";
import { expected, fixture } from "../helpers/fixtures.js";
import { flat } from "../helpers/pictures.js";

const imageNet: Preprocessing = {
  resize: 256,
  crop: 224,
};
const plane = 224 * 224;

beforeAll(() => {
  configureDecoder();
});

describe("resizing", () => {
  test.each(expected.resized)(
    "$name to $width × $height equals Pillow's BILINEAR to the bit",
    async ({ name, width, height, rgb }) => {
      const source = await decode(await fixture(name), 1_000_000);
      const all = (size: number) => ({ size, offset: 0, length: size });
      const resized = await resizeWindow(
        { ...source, data: source.rgb, channels: 3 },
        all(width),
        all(height),
      );
      expect(Buffer.from(resized).equals(Buffer.from(rgb, "base64"))).toBe(true);
    },
  );

  test("a picture that takes several turns of the event loop equals its strips, resized separately", async () => {
    // At half the size each output row depends on four source rows, the same ones in a strip.
    const [width, height] = [600, 4000];
    const data = Uint8Array.from(
      { length: width * height * 3 },
      (_, at) => Math.imul(at, 2_654_435_761) >>> 24,
    );
    const pixels: Pixels = { width, height, channels: 3, data };
    const columns = { size: 300, offset: 0, length: 300 };
    const rows = (offset: number, length: number) => ({ size: 2000, offset, length });
    const whole = await resizeWindow(pixels, columns, rows(0, 2000));
    for (let row = 0; row < 2000; row += 200) {
      const part = await resizeWindow(pixels, columns, rows(row, 200));
      // toEqual takes seconds for so many numbers.
      expect(Buffer.compare(part, whole.subarray(row * 900, (row + 200) * 900))).toBe(0);
    }
  });

  test("a large result is computed in bands, within the memory limit of WebAssembly", async () => {
    const source = await decode(await fixture("rgb.png"), 1_000_000);
    const all = (size: number) => ({ size, offset: 0, length: size });
    const whole = await resizeWindow(source, all(4096), all(4096));
    const rowBytes = 4096 * 3;
    for (const offset of [0, 80, 81, 2000, 4095]) {
      const part = await resizeWindow(source, all(4096), { size: 4096, offset, length: 1 });
      const wanted = whole.subarray(offset * rowBytes, (offset + 1) * rowBytes);
      expect(Buffer.compare(part, wanted)).toBe(0);
    }
  });

  test("a window equals that part of the whole result", async () => {
    const source = await decode(await fixture("rgb.png"), 1_000_000);
    const whole = await resizeWindow(
      source,
      { size: 40, offset: 0, length: 40 },
      { size: 30, offset: 0, length: 30 },
    );
    const part = await resizeWindow(
      source,
      { size: 40, offset: 7, length: 20 },
      { size: 30, offset: 11, length: 10 },
    );
    for (let row = 0; row < 10; row += 1) {
      const from = ((row + 11) * 40 + 7) * 3;
      expect(part.subarray(row * 60, row * 60 + 60)).toEqual(whole.subarray(from, from + 60));
    }
  });

  test("sizes are torchvision's: the long side is rounded down", () => {
    expect(resizedSize(700, 577, 256)).toEqual({ width: 310, height: 256 });
    expect(resizedSize(577, 700, 256)).toEqual({ width: 256, height: 310 });
    expect(resizedSize(100, 100, 256)).toEqual({ width: 256, height: 256 });
    expect(resizedSize(3, 1, 256)).toEqual({ width: 768, height: 256 });
  });

  test.each([
    [256, 16],
    [310, 43],
    [225, 0],
    [227, 2],
    [229, 2],
    [231, 4],
    [233, 4],
  ])("a crop of 224 from %i starts at %i: Python rounds halves to even", (size, offset) => {
    expect(cropOffset(size, 224)).toBe(offset);
  });
});

describe("preparing a picture", () => {
  test("stops after decoding if its client has disconnected", async () => {
    const file = await flat("red").png().toBuffer();
    const header = await inspectImage(file, defaultLimits);
    const signal = AbortSignal.abort(new Error("disconnected"));
    const options = { preprocessing: imageNet, timeoutSeconds: 60, signal };
    await expect(prepareImage(file, header, options)).rejects.toThrow("disconnected");
  });

  test("returns red, green and blue bytes in a buffer that holds nothing else", async () => {
    const file = await flat("red").png().toBuffer();
    const { pixels, ...image } = await prepare(file, imageNet);
    expect(image).toEqual({ width: 60, height: 40, format: "png" });
    expect(pixels).toHaveLength(3 * plane);
    expect(pixels.buffer.byteLength).toBe(pixels.length);
    expect(pixels.every((byte, index) => byte === (index % 3 === 0 ? 255 : 0))).toBe(true);
  });

  test.each([
    [1, 1],
    [20_000, 1],
    [1, 20_000],
    [16_000, 2],
  ])("makes a square of %i × %i pixels", async (width, height) => {
    const file = await flat("blue", width, height).png().toBuffer();
    const { pixels } = await prepare(file, imageNet);
    expect(pixels.every((byte, index) => byte === (index % 3 === 2 ? 255 : 0))).toBe(true);
  });
});
