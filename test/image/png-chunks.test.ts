import { deflateSync } from "node:zlib";
import { expect, test } from "@jest/globals";
import {
  isPng,
  mostChunks,
  visitPngChunks,
  withoutCompressedTexts,
} from "../../src/image/png-chunks.js";
import { fixture } from "../helpers/fixtures.js";
import { flatPng, pngChunk } from "../helpers/png.js";

const shape = { width: 5, height: 5, bits: 8, colourType: 2 } as const;
const text = Buffer.concat([Buffer.from("a\0\0"), deflateSync(Buffer.alloc(100))]);

test("only the compressed texts and the profile of a PNG are removed", () => {
  const plain = [pngChunk("gAMA", Buffer.alloc(4, 1)), pngChunk("tEXt", Buffer.from("a\0b"))];
  const dropped = ["iCCP", "zTXt", "iTXt"].map((type) => pngChunk(type, text));
  const behind = Buffer.from("padding");
  const file = Buffer.concat([flatPng({ ...shape, chunks: [...dropped, ...plain] }), behind]);
  const wanted = Buffer.concat([flatPng({ ...shape, chunks: plain }), behind]);
  expect(wanted.equals(withoutCompressedTexts(file) ?? file)).toBe(true);
});

test("a PNG without them is not copied", () => {
  const file = flatPng(shape);
  expect(withoutCompressedTexts(file)).toBe(file);
});

/** Chunks other than IDAT. */
function typesOf(file: Buffer): string[] {
  const types: string[] = [];
  visitPngChunks(file, (_type, dataStart) => {
    types.push(file.toString("latin1", dataStart - 4, dataStart));
  });
  return types;
}

test("a chunk that the file cuts off is not visited", () => {
  const file = flatPng({ ...shape, chunks: [pngChunk("zTXt", text)] });
  const types = typesOf(file);
  expect(types).toEqual(["IHDR", "zTXt", "IEND"]);
  for (let length = 0; length < file.length; length += 1) {
    const found = typesOf(file.subarray(0, length));
    expect(types.slice(0, found.length)).toEqual(found);
    expect(found.length).toBeLessThan(3);
  }
});

test("a PNG is read up to 10,000 chunks other than IDAT", () => {
  const head = pngChunk("tEXt", Buffer.from("a\0"));
  const idat = pngChunk("IDAT", Buffer.alloc(0));
  const withTexts = (count: number): Buffer =>
    flatPng({ ...shape, chunks: [Buffer.alloc(count * head.length, head)] });
  // IHDR and IEND.
  const most = withTexts(mostChunks - 2);
  expect(withoutCompressedTexts(most)).toBe(most);
  const padded = Buffer.concat([most, Buffer.alloc(1e6)]);
  expect(withoutCompressedTexts(padded)).toBe(padded);
  const many = withTexts(1_400_000);
  let visits = 0;
  expect(visitPngChunks(many, () => (visits += 1))).toBe(false);
  expect(visits).toBe(mostChunks);
  expect(withoutCompressedTexts(many)).toBeUndefined();
  const pixels = flatPng({ ...shape, chunks: [Buffer.alloc(1_700_000 * idat.length, idat)] });
  expect(withoutCompressedTexts(pixels)).toBe(pixels);
});

test("a PNG is recognised by its signature", async () => {
  expect(isPng(await fixture("rgb.png"))).toBe(true);
  expect(isPng(await fixture("rgb.jpg"))).toBe(false);
  expect(isPng(Buffer.alloc(0))).toBe(false);
});
