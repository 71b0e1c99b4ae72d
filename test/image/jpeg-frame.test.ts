import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import { readJpegFrame as readFrame, type JpegFrame } from "../../src/image/jpeg-frame.js";
import { checkSegments, mostInJpeg } from "../../src/image/limits.js";
import { fixture } from "../helpers/fixtures.js";
import { flat } from "../helpers/pictures.js";

const readJpegFrame = (file: Uint8Array): JpegFrame => readFrame(file, mostInJpeg);
const countScans = (file: Uint8Array): number => readJpegFrame(file).scans;

const worst = { hasSeveralScans: true, coefficientsPerPixel: 4, mcuWidth: 32, mcuHeight: 32 };

describe("a JPEG's frame shows", () => {
  test("that the first scan has all components", async () => {
    expect(readJpegFrame(await fixture("rgb.jpg"))).toMatchObject({
      hasSeveralScans: false,
      coefficientsPerPixel: 1.5,
      mcuWidth: 16,
      mcuHeight: 16,
    });
    const file = await flat("red").jpeg({ chromaSubsampling: "4:4:4" }).toBuffer();
    expect(readJpegFrame(file)).toMatchObject({ hasSeveralScans: false, coefficientsPerPixel: 3 });
  });

  test("that it is progressive", async () => {
    const frame = readJpegFrame(await fixture("progressive.jpg"));
    expect(frame).toMatchObject({ hasSeveralScans: true, coefficientsPerPixel: 1.5 });
  });

  test("that the first scan of a sequential picture lacks a component", async () => {
    const file = Buffer.from(await fixture("rgb.jpg"));
    const scan = file.indexOf(Buffer.from("ffda", "hex"));
    file.writeUInt8(1, scan + 4);
    expect(readJpegFrame(file).hasSeveralScans).toBe(true);
  });

  test("the sampling of its components", async () => {
    const grey = { coefficientsPerPixel: 1, mcuWidth: 8, mcuHeight: 8 };
    expect(readJpegFrame(await fixture("grey.jpg"))).toMatchObject(grey);
    expect(readJpegFrame(await fixture("cmyk.jpg"))).toMatchObject({ coefficientsPerPixel: 4 });
  });
});

describe("a JPEG's scans", () => {
  test("are counted, whatever their segments and data contain", async () => {
    expect(countScans(await fixture("rgb.jpg"))).toBe(1);
    expect(countScans(await fixture("progressive.jpg"))).toBe(10);
    const thumbnail = Buffer.concat([
      Buffer.from("ffd8ffe10006ffdaffda", "hex"),
      (await fixture("rgb.jpg")).subarray(2),
    ]);
    expect(countScans(thumbnail)).toBe(1);
  });

  test("are limited", async () => {
    const file = await fixture("rgb.jpg");
    const scan = Buffer.from("ffda0008010100003f00", "hex");
    const scans = (count: number): Buffer =>
      Buffer.concat([
        file.subarray(0, -2),
        ...Array.from({ length: count - 1 }, () => scan),
        file.subarray(-2),
      ]);
    expect(() => {
      checkSegments(readJpegFrame(scans(100)));
    }).not.toThrow();
    expect(() => {
      checkSegments(readJpegFrame(scans(101)));
    }).toThrow("at most 100 scans");
  });
});

test("a JPEG's segments are limited", async () => {
  const file = await fixture("rgb.jpg");
  const comments = (count: number): Buffer =>
    Buffer.concat([
      file.subarray(0, 2),
      Buffer.alloc(count * 4, "fffe0002", "hex"),
      file.subarray(2),
    ]);
  const { segments } = readJpegFrame(file);
  expect(() => {
    checkSegments(readJpegFrame(comments(10_000 - segments)));
  }).not.toThrow();
  const more = readJpegFrame(comments(5_000_000));
  expect(more.segments).toBe(10_001);
  expect(() => {
    checkSegments(more);
  }).toThrow("at most 10000 segments");
});

describe("a JPEG is treated as the kind that needs most memory", () => {
  test("if it is cut anywhere before its first scan", async () => {
    const file = await fixture("rgb.jpg");
    const scan = file.indexOf(Buffer.from("ffda", "hex"));
    for (let length = 0; length < scan; length += 1) {
      expect(readJpegFrame(file.subarray(0, length))).toMatchObject(worst);
    }
  });

  test("if a sampling factor is 0", async () => {
    const file = Buffer.from(await fixture("grey.jpg"));
    const frame = file.indexOf(Buffer.from("ffc0", "hex"));
    file.writeUInt8(0x10, frame + 11);
    expect(readJpegFrame(file)).toMatchObject(worst);
  });
});

describe("the parser finds the same JPEG markers as libjpeg", () => {
  const single = Buffer.from("ffc0000b080010001001011100ffda0008010100003f00", "hex");
  const comment = (text: Buffer): Buffer => {
    const head = Buffer.from("fffe0000", "hex");
    head.writeUInt16BE(text.length + 2, 2);
    return Buffer.concat([head, text]);
  };
  /** Found by a parser that reads the two bytes after the marker, 0xfffe, as a length. */
  const hidden = (marker: string, text: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from(marker, "hex"),
      comment(Buffer.alloc(59_998)),
      comment(Buffer.concat([Buffer.alloc(5528), text])),
    ]);

  test.each(["ff01", "ffd0", "ffd7", "ff00", "ffffff01"])("behind %s", async (marker) => {
    const file = await fixture("progressive.jpg");
    const found = readJpegFrame(file);
    const altered = Buffer.concat([file.subarray(0, 2), hidden(marker, single), file.subarray(2)]);
    const { metadataBytes, segments, ...frame } = found;
    expect(readJpegFrame(altered)).toMatchObject({ ...frame, segments: segments + 2 });
    expect(readJpegFrame(altered).metadataBytes).toBeGreaterThan(metadataBytes + 65_000);
    // libjpeg decodes the picture.
    expect(await sharp(altered, { failOn: "error" }).raw().toBuffer()).toEqual(
      await sharp(file).raw().toBuffer(),
    );
  });

  test.each(["ff01", "ffd3", "ff00", "ff02"])("in and between scans, behind %s", async (marker) => {
    const file = await fixture("progressive.jpg");
    const scan = Buffer.from("ffda0008010100003f00", "hex");
    const more = Array.from({ length: 7 }, () => Buffer.concat([Buffer.from(marker, "hex"), scan]));
    const altered = Buffer.concat([file.subarray(0, -2), ...more, file.subarray(-2)]);
    expect(countScans(altered)).toBe(17);
  });

  test("behind bytes that belong to no segment", async () => {
    const file = await fixture("progressive.jpg");
    const altered = Buffer.concat([file.subarray(0, 2), Buffer.alloc(9, 0x41), file.subarray(2)]);
    expect(readJpegFrame(altered)).toEqual(readJpegFrame(file));
  });

  test("up to the end of the image", async () => {
    const file = await fixture("progressive.jpg");
    expect(countScans(Buffer.concat([file, Buffer.from("0002ffda0008010100003f00", "hex")]))).toBe(
      10,
    );
  });
});

test("the markers of a JPEG of 20 MB are read in less than half a second, whatever its bytes are", async () => {
  const file = await fixture("progressive.jpg");
  for (const bytes of ["ff", "ff00", "ffd0", "00"]) {
    const filling = Buffer.alloc(20e6, bytes, "hex");
    const altered = Buffer.concat([file.subarray(0, 2), filling, file.subarray(2)]);
    const start = performance.now();
    expect(countScans(altered)).toBe(10);
    // Measured: 20 to 60 ms. A call of `indexOf` for each byte took 800.
    expect(performance.now() - start).toBeLessThan(500);
  }
});
