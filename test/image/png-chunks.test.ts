import { deflateSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import { isPng, pngChunks, withoutCompressedTexts } from "../../src/image/png-chunks.js";
import { fixture } from "../helpers/fixtures.js";
import { flatPng, pngChunk } from "../helpers/png.js";

const shape = { width: 5, height: 5, bits: 8, colourType: 2 } as const;
const text = Buffer.concat([Buffer.from("a\0\0"), deflateSync(Buffer.alloc(100))]);

test("a PNG loses its compressed texts and profile, and nothing else", () => {
  const plain = [pngChunk("gAMA", Buffer.alloc(4, 1)), pngChunk("tEXt", Buffer.from("a\0b"))];
  const dropped = ["iCCP", "zTXt", "iTXt"].map((type) => pngChunk(type, text));
  const behind = Buffer.from("padding");
  const file = Buffer.concat([flatPng({ ...shape, chunks: [...dropped, ...plain] }), behind]);
  const wanted = Buffer.concat([flatPng({ ...shape, chunks: plain }), behind]);
  expect(wanted.equals(withoutCompressedTexts(file))).toBe(true);
});

test("a PNG that has none is not copied", () => {
  const file = flatPng(shape);
  expect(withoutCompressedTexts(file)).toBe(file);
});

test("chunks end where the file is cut", () => {
  const file = flatPng({ ...shape, chunks: [pngChunk("zTXt", text)] });
  const types = [...pngChunks(file)].map(({ type }) => type);
  expect(types).toEqual(["IHDR", "zTXt", "IDAT", "IEND"]);
  for (let length = 0; length < file.length; length += 1) {
    const found = [...pngChunks(file.subarray(0, length))].map(({ type }) => type);
    expect(types.slice(0, found.length)).toEqual(found);
    expect(found.length).toBeLessThan(4);
  }
});

test("a PNG is known by its signature", async () => {
  expect(isPng(await fixture("rgb.png"))).toBe(true);
  expect(isPng(await fixture("rgb.jpg"))).toBe(false);
  expect(isPng(Buffer.alloc(0))).toBe(false);
});
