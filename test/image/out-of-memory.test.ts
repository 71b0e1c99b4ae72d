import { spawnSync } from "node:child_process";
import { describe, expect, test } from "@jest/globals";
import sharp, { type Sharp } from "sharp";
import { decodeFailure } from "../../src/image/decode-failure.js";
import { measureDecode, noLimits } from "../helpers/measure-decode.js";
import { flatPng } from "../helpers/png.js";
import { tiff } from "../helpers/tiff.js";

const possible = spawnSync("prlimit", ["--version"]).status === 0;
if (!possible) {
  process.stdout.write("skipped: out-of-memory.test.ts needs prlimit (util-linux)\n");
}
const ours = possible ? describe : describe.skip;

const size = { width: 4000, height: 3000 };
const flat = (): Sharp => sharp({ create: { ...size, channels: 3, background: "#c86432" } });

ours("a good picture for which no memory is left is not its sender's fault:", () => {
  test.each<[string, number, () => Buffer | Promise<Buffer>]>([
    ["JPEG, its output", 10e6, () => flat().jpeg().toBuffer()],
    [
      "progressive JPEG, its coefficients",
      50e6,
      () => flat().jpeg({ progressive: true }).toBuffer(),
    ],
    ["PNG, its output", 10e6, () => flatPng({ ...size, bits: 8, colourType: 2 })],
    [
      "interlaced PNG, its pixels",
      80e6,
      () => flatPng({ ...size, bits: 16, colourType: 6, isInterlaced: true }),
    ],
    ["WebP, its canvas", 10e6, () => flat().webp({ effort: 0 }).toBuffer()],
    ["GIF, its output", 10e6, () => flat().gif({ effort: 1 }).toBuffer()],
    ["TIFF, its output", 10e6, () => tiff({ ...size, bits: 8, samples: 3 })],
    ["AVIF, its planes", 100e6, () => flat().avif({ effort: 0 }).toBuffer()],
  ])("%s", async (_name, moreBytes, make) => {
    const { code } = await measureDecode(await make(), noLimits, moreBytes);
    expect(code).toBe("OUT_OF_MEMORY");
  });
});

describe("a decoder's message is mapped to", () => {
  test.each([
    ["OUT_OF_MEMORY", "vips_tracked: out of memory -- size == 61MB"],
    ["OUT_OF_MEMORY", "VipsJpeg: Insufficient memory (case 4)"],
    ["OUT_OF_MEMORY", "heif: Invalid input: Unspecified: Memory allocation error (2.0)"],
    ["OUT_OF_MEMORY", "glib: Error creating thread: Resource temporarily unavailable"],
    ["OUT_OF_MEMORY", "std::bad_alloc"],
    ["OUT_OF_MEMORY", "Array buffer allocation failed"],
    ["OUT_OF_MEMORY", "WebAssembly.Memory.grow(): Maximum memory size exceeded, unable to grow"],
    ["OUT_OF_MEMORY", "tiff2vips: the limit exceeded\nvips_tracked: out of memory -- size == 61MB"],
    ["DECODE_TIMEOUT", "timeout: 42% complete"],
    ["DECODE_TIMEOUT", "source: bad seek to 9\ntimeout: 0% complete"],
    ["DECODE_TIMEOUT", "source: bad seek to 9 timeout: 0% complete"],
    [
      "IMAGE_UNSUPPORTED",
      "Cumulated memory allocation of 121736 + 73500000 bytes is beyond the 52428800 cumulated byte limit defined in open options\ntiff2vips: No space for strip buffer",
    ],
    [
      "IMAGE_UNSUPPORTED",
      "x.tif: Memory allocation of 9 bytes is beyond the 8 byte limit defined in open options",
    ],
    ["IMAGE_UNSUPPORTED", "iloc: Allocating 9 bytes exceeds the security limit of 8 bytes"],
    [
      "IMAGE_UNSUPPORTED",
      "heif: Memory allocation error: 9 bytes, exceeding the security limit of 8",
    ],
    ["IMAGE_UNSUPPORTED", "heif: Memory allocation error: Security limit exceeded: 9 (6.1000)"],
    ["IMAGE_UNSUPPORTED", "pngload_buffer: end of stream"],
  ])("%s: %s", (code, message) => {
    const cause = new Error(message);
    expect(decodeFailure(cause)).toMatchObject({ code, cause });
  });
});
