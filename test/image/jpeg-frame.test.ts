import { describe, expect, test } from "@jest/globals";
import { countScans, readJpegFrame } from "../../src/image/jpeg-frame.js";
import { checkScans } from "../../src/image/limits.js";
import { fixture } from "../helpers/fixtures.js";
import { flat } from "../helpers/pictures.js";

const worst = { hasSeveralScans: true, coefficientsPerPixel: 4, mcuWidth: 32, mcuHeight: 32 };

describe("a JPEG's frame tells", () => {
  test("that one scan holds all components", async () => {
    expect(readJpegFrame(await fixture("rgb.jpg"))).toEqual({
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

  test("its components", async () => {
    const grey = { coefficientsPerPixel: 1, mcuWidth: 8, mcuHeight: 8 };
    expect(readJpegFrame(await fixture("grey.jpg"))).toMatchObject(grey);
    expect(readJpegFrame(await fixture("cmyk.jpg"))).toMatchObject({ coefficientsPerPixel: 4 });
  });
});

describe("a JPEG's scans", () => {
  test("are counted, whatever lies in their segments and their data", async () => {
    expect(countScans(await fixture("rgb.jpg"), 100)).toBe(1);
    expect(countScans(await fixture("progressive.jpg"), 100)).toBe(10);
    const thumbnail = Buffer.concat([
      Buffer.from("ffd8ffe10006ffdaffda", "hex"),
      (await fixture("rgb.jpg")).subarray(2),
    ]);
    expect(countScans(thumbnail, 100)).toBe(1);
  });

  test("are bounded", async () => {
    const file = await fixture("rgb.jpg");
    const scan = Buffer.from("ffda0008010100003f00", "hex");
    const scans = (count: number): Buffer =>
      Buffer.concat([
        file.subarray(0, -2),
        ...Array.from({ length: count - 1 }, () => scan),
        file.subarray(-2),
      ]);
    expect(() => {
      checkScans(scans(100));
    }).not.toThrow();
    expect(() => {
      checkScans(scans(101));
    }).toThrow("at most 100 scans");
  });
});

describe("a JPEG is taken for the largest kind", () => {
  test("wherever it is cut before its first scan", async () => {
    const file = await fixture("rgb.jpg");
    const scan = file.indexOf(Buffer.from("ffda", "hex"));
    for (let length = 0; length < scan; length += 1) {
      expect(readJpegFrame(file.subarray(0, length))).toEqual(worst);
    }
  });

  test("when a sampling factor is 0", async () => {
    const file = Buffer.from(await fixture("grey.jpg"));
    const frame = file.indexOf(Buffer.from("ffc0", "hex"));
    file.writeUInt8(0x10, frame + 11);
    expect(readJpegFrame(file)).toEqual(worst);
  });
});
