import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { readAv1Frame } from "../../src/image/av1-frame.js";
import { readAvifStill } from "../../src/image/avif-still.js";
import { configureDecoder } from "../../src/image/decode.js";
import { ImageError } from "../../src/image/image-error.js";
import { avif, box, clap, infe, obu, obusOf, uint, type AvifShape } from "../helpers/avif.js";
import { av1Streams } from "../helpers/av1-streams.js";
import { decode } from "../helpers/decode.js";

const size = { width: 61, height: 43 };
let obus: Buffer[];
let shape: AvifShape;

beforeAll(async () => {
  configureDecoder();
  obus = await obusOf(picture());
  shape = { ...size, data: Buffer.concat(obus) };
});

function picture(channels: 3 | 4 = 3): Sharp {
  const data = Buffer.alloc(size.width * size.height * channels);
  data.forEach((_, index) => (data[index] = ((index * 7919) >> 3) & 255));
  return sharp(data, { raw: { ...size, channels } });
}

const pixelsOf = async (file: Uint8Array): Promise<Buffer> =>
  sharp(file).removeAlpha().raw().toBuffer();

describe("a rewritten AVIF decodes to the same pixels:", () => {
  test.each([3, 4] as const)("%i channels", async (channels) => {
    for (const bitdepth of [8, 10, 12] as const) {
      for (const chromaSubsampling of ["4:2:0", "4:4:4"]) {
        for (const lossless of [false, true]) {
          const options = { bitdepth, chromaSubsampling, lossless, effort: 0 };
          const file = await picture(channels).avif(options).toBuffer();
          const still = readAvifStill(file).file;
          expect((await pixelsOf(still)).equals(await pixelsOf(file))).toBe(true);
          const [before, after] = [await sharp(file).metadata(), await sharp(still).metadata()];
          expect(after).toMatchObject({ width: 61, height: 43, depth: before.depth, channels: 3 });
        }
      }
    }
  });

  test("rotated and mirrored", async () => {
    const properties = [box("irot", uint(1, 1)), box("imir", uint(1, 0))];
    const plain = await sharp(readAvifStill(avif(shape)).file)
      .raw()
      .toBuffer({ resolveWithObject: true });
    const turned = await sharp(plain.data, { raw: plain.info })
      .rotate(270)
      .raw()
      .toBuffer({ resolveWithObject: true });
    const wanted = await sharp(turned.data, { raw: turned.info }).flip().raw().toBuffer();
    const { width, height, rgb } = await decode(avif({ ...shape, properties }), 1e6);
    expect([width, height]).toEqual([43, 61]);
    expect(rgb.equals(wanted)).toBe(true);
  });

  test("with other boxes around the item", async () => {
    const { rgb } = await decode(avif(shape), 1e6);
    const [sequence = Buffer.alloc(0), frame = Buffer.alloc(0)] = obus.slice(-2);
    const shapes: Partial<AvifShape>[] = [
      { before: [box("free", Buffer.alloc(99)), box("moov", Buffer.alloc(9, 255))] },
      { brand: "avisavif" },
      { inMeta: [box("iref", Buffer.alloc(9, 255)), box("grpl", Buffer.alloc(3))] },
      { method: 1 },
      { extents: 7 },
      { properties: [box("pasp", uint(4, 2), uint(4, 1)), box("abcd")] },
      { properties: [box("colr", Buffer.from("prof"), Buffer.alloc(1000))], isEssential: true },
      { data: Buffer.concat([sequence, frame]) },
      { data: Buffer.concat([obu(2, Buffer.alloc(0)), sequence, obu(5, uint(2, 4)), frame]) },
      { data: Buffer.concat([sequence, frame, obu(15, Buffer.alloc(100)), obu(2, uint(1, 0))]) },
    ];
    for (const change of shapes) {
      expect((await decode(avif({ ...shape, ...change }), 1e6)).rgb.equals(rgb)).toBe(true);
    }
    const behind = Buffer.concat([avif(shape), Buffer.alloc(7, 0xd9)]);
    expect((await decode(behind, 1e6)).rgb.equals(rgb)).toBe(true);
  });

  test("without metadata, thumbnails and alpha", async () => {
    const exif = { IFD0: { Copyright: "x".repeat(5000) } };
    const file = await picture(4).withMetadata({ exif }).avif().toBuffer();
    const { file: still, moreBytes } = readAvifStill(file);
    expect(await sharp(still).metadata()).toMatchObject({ hasAlpha: false });
    expect(still.includes("xxxx")).toBe(false);
    expect(moreBytes).toBe(2 * still.length);
  });
});

describe("an AVIF is refused with a reason:", () => {
  const cases: [string, string, () => Partial<AvifShape>][] = [
    ["with a clean aperture", "clap", () => ({ properties: [clap(9, 9)] })],
    ["with an operating point", "a1op", () => ({ properties: [box("a1op", uint(1, 0))] })],
    ["with a layer chosen", "lsel", () => ({ properties: [box("lsel", uint(2, 0))] })],
    [
      "with an unknown essential property",
      "essential",
      () => ({
        properties: [box("abcd")],
        isEssential: true,
      }),
    ],
    ["that is a grid", "single AV1", () => ({ itemType: "grid" })],
    ["of HEVC", "single AV1", () => ({ itemType: "hvc1" })],
    ["without the brand", "brand", () => ({ brand: "mif1" })],
    ["whose data is another item's", "elsewhere", () => ({ method: 2 as const })],
    [
      "of two frames",
      "several AV1 frames",
      () => ({ data: Buffer.concat([...obus, ...obus.slice(-1)]) }),
    ],
    [
      "of two sequences",
      "several AV1 sequences",
      () => ({ data: Buffer.concat([...obus, ...obus]) }),
    ],
    ["whose frame is larger than its item", "differ in size", () => ({ width: 60 })],
    ["whose frame is smaller than its item", "differ in size", () => ({ height: 44 })],
    [
      "with a frame that is shown again",
      "repeated",
      () => ({
        data: Buffer.concat([...obus, obu(7, uint(1, 0))]),
      }),
    ],
    [
      "of 10,001 boxes",
      "10000 boxes",
      () => ({ before: Array.from({ length: 10_000 }, () => box("free")) }),
    ],
  ];
  test.each(cases)("%s", (_what, reason, change) => {
    const file = avif({ ...shape, ...change() });
    expect(() => readAvifStill(file)).toThrow(reason);
    expect(() => readAvifStill(file)).toThrow("docs/pictures.md");
  });

  test.each<[string, () => Partial<AvifShape>]>([
    ["without a frame", () => ({ data: Buffer.concat(obus.slice(0, -1)) })],
    ["without a sequence header", () => ({ data: Buffer.concat(obus.slice(-1)) })],
    ["without data", () => ({ data: Buffer.alloc(0) })],
    ["with two sizes", () => ({ properties: [box("ispe", uint(4, 0), uint(4, 61), uint(4, 43))] })],
    ["with two turns", () => ({ properties: [box("irot", uint(1, 1)), box("irot", uint(1, 1))] })],
    [
      "with two lists of items",
      () => ({ inMeta: [box("iinf", uint(4, 0), uint(2, 1), infe(1, "av01"))] }),
    ],
    ["whose extents are longer than it", () => ({ extents: 65 })],
  ])("%s", (_what, change) => {
    expect(() => readAvifStill(avif({ ...shape, ...change() }))).toThrow(ImageError);
  });
});

describe("an AV1 stream of aomenc:", () => {
  const streamOf = (name: keyof typeof av1Streams): Buffer => Buffer.from(av1Streams[name], "hex");
  const plain = { width: 40, height: 24, bitDepth: 8, hasFilmGrain: false };
  const halved = { isHalvedAcross: true, isHalvedDown: true, isMonochrome: false };
  const whole = { isHalvedAcross: false, isHalvedDown: false, isMonochrome: false };
  test.each<[keyof typeof av1Streams, object]>([
    ["full-420-8", { ...plain, ...halved, profile: 0 }],
    ["full-420-10", { ...plain, ...halved, profile: 0, bitDepth: 10 }],
    ["full-422-8", { ...plain, ...halved, profile: 2, isHalvedDown: false }],
    ["full-422-12", { ...plain, ...halved, profile: 2, bitDepth: 12, isHalvedDown: false }],
    ["full-444-8", { ...plain, ...whole, profile: 1 }],
    ["full-444-12", { ...plain, ...whole, profile: 2, bitDepth: 12 }],
    ["full-mono-8", { ...plain, ...halved, profile: 0, isMonochrome: true }],
    ["red-mono-8", { ...plain, ...halved, profile: 0, isMonochrome: true }],
    ["grain", { ...plain, ...halved, profile: 0, hasFilmGrain: true }],
  ])("%s", async (name, wanted) => {
    const data = streamOf(name);
    expect(readAv1Frame(data)).toMatchObject(wanted);
    const image = await decode(avif({ width: 40, height: 24, data }), 1e6);
    expect(image).toMatchObject({ width: 40, height: 24, format: "heif" });
  });

  test("film grain adds the memory of a second picture", () => {
    const more = (name: keyof typeof av1Streams): number => {
      const still = readAvifStill(avif({ width: 40, height: 24, data: streamOf(name) }));
      return still.moreBytes - 2 * still.file.length;
    };
    expect([more("full-420-8"), more("grain")]).toEqual([0, 40 * 24 * 3]);
  });

  test("several operating points, or layers, are refused", () => {
    // Two OBU headers precede the sequence header's body, which has 5 bits from bit 7 on, then 12.
    for (const [at, bits] of [
      [5, 0x10],
      [6, 0x01],
    ] as const) {
      const stream = streamOf("full-420-8");
      stream[at] = (stream[at] ?? 0) | bits;
      expect(() => readAv1Frame(stream)).toThrow("AV1 layers");
    }
    const extended = Buffer.concat([obus[0] ?? Buffer.alloc(0), Buffer.from("1e0000", "hex")]);
    expect(() => readAv1Frame(extended)).toThrow("AV1 layers");
  });

  test("three frames are refused", () => {
    expect(() => readAv1Frame(streamOf("multi"))).toThrow("several AV1 frames");
  });

  test("a frame that is not shown, is shown again or is not a key frame is refused", () => {
    const stream = streamOf("full-420-8");
    // The frame's OBU, with a header of two bytes, follows those of the temporal delimiter and the sequence.
    const frame = 2 + 12 + 2;
    expect(stream[frame]).toBe(0x10);
    for (const bits of [0x00, 0x30, 0x50, 0x90]) {
      const changed = Buffer.from(stream);
      changed[frame] = bits;
      expect(() => readAv1Frame(changed)).toThrow("no shown key frame");
    }
  });
});

test("overlapping extents cannot add up to more than the file", () => {
  const read = (): unknown => readAvifStill(avif({ ...shape, extents: 64, isRepeated: true }));
  const cause = { message: "expected extents no longer than the file" };
  expect(read).toThrow(expect.objectContaining({ cause: expect.objectContaining(cause) }));
});

test("a file cut anywhere, or with any byte changed, yields a picture or a refusal", () => {
  const file = avif(shape);
  const outcome = (bytes: Uint8Array): string => {
    try {
      readAvifStill(bytes);
      return "read";
    } catch (error) {
      return error instanceof ImageError ? error.code : "another error";
    }
  };
  for (let length = 0; length < file.length; length += 1) {
    expect(outcome(file.subarray(0, length))).toBe("IMAGE_UNSUPPORTED");
  }
  const position = fc.nat({ max: file.length - 1 });
  fc.assert(
    fc.property(fc.array(fc.tuple(position, fc.nat(255)), { maxLength: 4 }), (changes) => {
      const changed = Buffer.from(file);
      for (const [at, value] of changes) changed[at] = value;
      expect(["read", "IMAGE_UNSUPPORTED"]).toContain(outcome(changed));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const start = Buffer.concat([file.subarray(0, 24), bytes]);
      expect(["read", "IMAGE_UNSUPPORTED"]).toContain(outcome(start));
    }),
  );
});
