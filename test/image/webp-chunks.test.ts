import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { ImageError } from "../../src/image/image-error.js";
import { configureDecoder, inspectImage } from "../../src/image/decode.js";
import { defaultLimits } from "../../src/image/limits.js";
import { PrefixCode, Vp8lBits } from "../../src/image/vp8l-codes.js";
import { readVp8lTableBytes } from "../../src/image/vp8l-tables.js";
import { readWebpStill } from "../../src/image/webp-chunks.js";
import { decode } from "../helpers/decode.js";
import { anmf, chunk, manyGroups, vp8x, webp } from "../helpers/webp.js";

const size = { width: 61, height: 43 };

beforeAll(() => {
  configureDecoder();
});

function picture(channels: 3 | 4 = 3, scale = 1): Sharp {
  const [width, height] = [size.width * scale, size.height * scale];
  const data = Buffer.alloc(width * height * channels);
  data.forEach((_, index) => (data[index] = ((index * 7919) >> 3) & 255));
  return sharp(data, { raw: { width, height, channels } });
}

/** The only chunk of a WebP. */
const chunkOf = async (options: object): Promise<Buffer> =>
  (await picture().webp(options).toBuffer()).subarray(12);
const rgbOf = async (file: Uint8Array): Promise<Buffer> =>
  sharp(file).removeAlpha().raw().toBuffer();
/** TIFF's header, a directory of one tag: Orientation, SHORT, one value. */
function exifOf(orientation: number): Buffer {
  const exif = Buffer.from("49492a00080000000100120103000100000000000000", "hex");
  exif.writeUInt16LE(orientation, 18);
  return Buffer.concat([exif, Buffer.alloc(4)]);
}

describe("a WebP reduced to its picture decodes to the same pixels:", () => {
  test.each<[string, object, 3 | 4]>([
    ["lossy", {}, 3],
    ["lossy with alpha", { alphaQuality: 50 }, 4],
    ["lossless", { lossless: true }, 3],
    ["lossless with alpha", { lossless: true }, 4],
  ])("%s", async (_name, options, channels) => {
    const plain = await picture(channels).webp(options).toBuffer();
    const rich = await picture(channels).webp(options).withMetadata({ orientation: 1 }).toBuffer();
    for (const file of [plain, rich]) {
      const still = readWebpStill(file);
      expect((await rgbOf(still.file)).equals(await rgbOf(file))).toBe(true);
      expect(Buffer.from(still.file).toString("latin1", 12, 15)).toBe("VP8");
      expect(Buffer.from(still.file).toString("latin1", 15, 16)).not.toBe("X");
    }
  });

  test("metadata of 20 MB", async () => {
    const image = await chunkOf({ lossless: true });
    const [profile, xmp] = ["ICCP", "XMP "].map((type) => chunk(type, Buffer.alloc(1e7, 65)));
    const file = webp(vp8x(0x24, 61, 43), profile ?? image, image, xmp ?? image);
    expect(readWebpStill(file).file.length).toBe(12 + image.length);
    expect((await decode(file, 1e6)).rgb.equals(await rgbOf(webp(image)))).toBe(true);
  });

  test("a file that contains only a picture is not copied", async () => {
    for (const options of [{}, { lossless: true }]) {
      const file = await picture().webp(options).toBuffer();
      expect(Buffer.from(readWebpStill(file).file).equals(file)).toBe(true);
    }
    const lossy = await picture().webp().toBuffer();
    expect(readWebpStill(lossy).moreBytes).toBe(0);
  });
});

test("a WebP with no picture, two pictures or one of another size than the canvas is refused", async () => {
  const image = await chunkOf({});
  expect(() => readWebpStill(webp(vp8x(0, 61, 43), image))).not.toThrow();
  for (const file of [
    webp(vp8x(0, 60, 43), image),
    webp(vp8x(0, 61, 44), image),
    webp(vp8x(0, 61, 43), image, image),
    webp(vp8x(0, 61, 43)),
    webp(vp8x(2, 61, 43), image),
  ]) {
    expect(() => readWebpStill(file)).toThrow(ImageError);
  }
});

test("a prefix code that is incomplete and has more than one symbol is refused", () => {
  const code = (lengths: readonly number[]): number => {
    const bits = new Vp8lBits(Buffer.from([0b101]));
    return new PrefixCode(bits, lengths).read(bits);
  };
  expect(code([0, 0, 15])).toBe(2);
  // The second of the codes 0, 10 and 11.
  expect(code([2, 1, 2])).toBe(0);
  for (const lengths of [[], [0, 0], [1, 2], [1, 1, 1], [2, 2, 2]]) {
    expect(() => code(lengths)).toThrow(ImageError);
  }
});

describe("in an animation", () => {
  const animation = (...frames: readonly Buffer[]): Buffer =>
    webp(vp8x(2, 61, 43), chunk("ANIM", Buffer.alloc(6)), ...frames);

  test.each([{}, { lossless: true }])("only the first picture is read: %j", async (options) => {
    const first = await chunkOf(options);
    const other = (
      await sharp({ create: { ...size, channels: 3, background: "red" } })
        .webp()
        .toBuffer()
    ).subarray(12);
    const file = animation(anmf({ ...size, picture: first }), anmf({ ...size, picture: other }));
    const wanted = await rgbOf(webp(first));
    expect(wanted.equals(await rgbOf(file))).toBe(true);
    expect((await decode(file, 1e6)).rgb.equals(wanted)).toBe(true);
    expect(Buffer.from(readWebpStill(file).file).equals(webp(first))).toBe(true);
  });

  test("EXIF behind the pictures counts", async () => {
    const frame = anmf({ ...size, picture: await chunkOf({}) });
    const file = webp(vp8x(2 | 8, 61, 43), frame, frame, chunk("EXIF", exifOf(6)));
    expect(await decode(file, 1e6)).toMatchObject({ width: 43, height: 61 });
  });

  test.each([{ left: 1 }, { top: 1 }, { width: 60 }, { height: 42 }])(
    "the first picture must cover the canvas: %j",
    async (change) => {
      const frame = anmf({ ...size, picture: await chunkOf({}), ...change });
      expect(() => readWebpStill(animation(frame))).toThrow("does not cover its canvas");
    },
  );

  test("more than 65,536 chunks are refused", async () => {
    const first = anmf({ ...size, picture: await chunkOf({}) });
    const others = (count: number): Buffer =>
      Buffer.alloc(count * 8, chunk("ANMF", Buffer.alloc(0)));
    expect(readWebpStill(animation(first, others(65_533))).orientation).toBe(1);
    expect(() => readWebpStill(animation(first, others(65_534)))).toThrow("more than 65536 chunks");
  });
});

describe("EXIF's orientation is the one that Pillow reads:", () => {
  const turned = async (flags: number, ...more: readonly Buffer[]): Promise<number> => {
    const file = webp(vp8x(flags, 61, 43), await chunkOf({}), ...more);
    return (await inspectImage(file, defaultLimits)).orientation;
  };
  test("with the prefix of JPEG segments and without; the first EXIF chunk counts", async () => {
    expect(await turned(8, chunk("EXIF", exifOf(6)))).toBe(6);
    const prefix = Buffer.from("Exif\0\0", "latin1");
    expect(await turned(8, chunk("EXIF", Buffer.concat([prefix, exifOf(8)])))).toBe(8);
    expect(await turned(8, chunk("EXIF", exifOf(3)), chunk("EXIF", exifOf(6)))).toBe(3);
  });
  test("only if VP8X announces EXIF and it is well-formed", async () => {
    expect(await turned(0, chunk("EXIF", exifOf(6)))).toBe(1);
    expect(await turned(8)).toBe(1);
    expect(await turned(8, chunk("EXIF", Buffer.from("what")))).toBe(1);
  });
});

describe("the tables of a lossless picture's prefix codes", () => {
  const tableBytes = (shape: Parameters<typeof manyGroups>[0]): number =>
    readVp8lTableBytes(manyGroups(shape).subarray(8));
  const one = 4 * 2954 + 600;

  test("count towards the decoder's memory", () => {
    expect(tableBytes({ side: 64, groups: 1 })).toBe(one);
    expect(tableBytes({ side: 64, groups: 200 })).toBe(200 * one);
    expect(tableBytes({ side: 256, groups: 300, blockBits: 3 })).toBe(300 * one);
    expect(tableBytes({ side: 256, groups: 3000 })).toBe(3000 * one);
    expect(tableBytes({ side: 64, groups: 128, hasPalette: true })).toBe(128 * one);
    expect(tableBytes({ side: 64, groups: 10, cacheBits: 11 })).toBe(10 * (one + 4 * 2050));
  });

  test("exceed the limit if a small file has 65,536 groups", async () => {
    const file = webp(manyGroups({ side: 1024, groups: 65_536 }));
    await expect(inspectImage(file, defaultLimits)).rejects.toMatchObject({
      code: "IMAGE_TOO_LARGE",
    });
  });

  test("are assumed to be the largest if the embedded images are too large to be read", () => {
    expect(tableBytes({ side: 4096, groups: 1 })).toBe(65_536 * one);
  });

  test("are small in files that libwebp writes, with every transform", async () => {
    for (const effort of [0, 4, 6]) {
      for (const image of [
        picture(3, 10),
        picture(4, 10),
        sharp(await picture(3, 10).png({ palette: true, colours: 12 }).toBuffer()),
      ]) {
        const file = await image.webp({ lossless: true, effort }).toBuffer();
        expect(readWebpStill(file).moreBytes).toBeLessThan(100 * 20_616 + file.length);
      }
    }
  });
});

test("a file cut anywhere, or with any byte changed, yields a picture or a refusal", async () => {
  const image = await picture().webp({ lossless: true }).toBuffer();
  const animated = webp(
    vp8x(2 | 8, 61, 43),
    anmf({ ...size, picture: image.subarray(12) }),
    chunk("EXIF", exifOf(6)),
  );
  const outcome = (bytes: Uint8Array): string => {
    try {
      readWebpStill(bytes);
      return "read";
    } catch (error) {
      return error instanceof ImageError ? error.code : `another error: ${String(error)}`;
    }
  };
  for (const file of [image, animated]) {
    for (let length = 0; length < Math.min(file.length, 300); length += 1) {
      expect(outcome(file.subarray(0, length))).toBe("IMAGE_UNSUPPORTED");
    }
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }), (changes) => {
        const changed = Buffer.from(file);
        for (const [at, value] of changes) changed[at] = value;
        expect(["read", "IMAGE_UNSUPPORTED"]).toContain(outcome(changed));
      }),
      { numRuns: 1000 },
    );
  }
  const start = Buffer.from("2f3cc00a00", "hex");
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const file = webp(chunk("VP8L", Buffer.concat([start, bytes])));
      expect(["read", "IMAGE_UNSUPPORTED"]).toContain(outcome(file));
    }),
    { numRuns: 1000 },
  );
});
