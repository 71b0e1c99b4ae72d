import { readAv1Frame, type Av1Frame } from "./av1-frame.js";
import { readAvifItem } from "./avif-boxes.js";
import { unlikePillow } from "./decode-failure.js";

/** An AVIF written anew, with the primary item alone: the decoder sees nothing that was not looked at here. */
export interface AvifStill {
  file: Buffer;
  /** What the decoder holds beside what every AVIF of its size needs. */
  moreBytes: number;
}

/** The picture with film grain is one beside that without it, of three samples a pixel. */
const grainSamples = 3;
const itemId = 1;

/**
 * @throws RequestError IMAGE_UNSUPPORTED for what is no AVIF of one AV1 frame: for grids, overlays, layers, croppings,
 *   and where the frame has another size than the item
 */
export function readAvifStill(file: Uint8Array): AvifStill {
  const item = readAvifItem(file);
  const frame = readAv1Frame(item.data);
  const { width, height, bitDepth, hasFilmGrain } = frame;
  if (width !== item.width || height !== item.height) {
    throw unlikePillow("an AVIF whose item and AV1 frame differ in size");
  }
  const properties = [ispe(width, height), av1C(frame), ...item.properties];
  const grainBytes = width * height * grainSamples * (bitDepth > 8 ? 2 : 1);
  const still = write(properties, frame.data);
  // The data without its metadata, and the file with it.
  return { file: still, moreBytes: 2 * still.length + (hasFilmGrain ? grainBytes : 0) };
}

/** ISO/IEC 14496-12, 4.3 and 8.11; ISO/IEC 23008-12, 9.3. */
function write(properties: readonly Buffer[], data: Buffer): Buffer {
  const ftyp = box("ftyp", Buffer.from("avif\0\0\0\0avifmif1miaf", "latin1"));
  const meta = (offset: number): Buffer =>
    box(
      "meta",
      uint(4, 0),
      // 8.4.3: a handler of pictures, without a name.
      box("hdlr", uint(4, 0), uint(4, 0), Buffer.from("pict", "latin1"), Buffer.alloc(13)),
      box("pitm", uint(4, 0), uint(2, itemId)),
      box(
        "iinf",
        uint(4, 0),
        uint(2, 1),
        box(
          "infe",
          uint(4, 0x0200_0000),
          uint(2, itemId),
          uint(2, 0),
          Buffer.from("av01\0", "latin1"),
        ),
      ),
      box(
        "iprp",
        box("ipco", ...properties),
        box(
          "ipma",
          uint(4, 0),
          uint(4, 1),
          uint(2, itemId),
          uint(1, properties.length),
          // All are essential but the size and the colours, which need not be.
          Buffer.from(properties.map((property, index) => essential(property) | (index + 1))),
        ),
      ),
      // Offsets and lengths of 4 bytes; one extent.
      box(
        "iloc",
        uint(4, 0),
        uint(2, 0x4400),
        uint(2, 1),
        uint(2, itemId),
        uint(2, 0),
        uint(2, 1),
        uint(4, offset),
        uint(4, data.length),
      ),
    );
  const before = ftyp.length + meta(0).length + 8;
  return Buffer.concat([ftyp, meta(before), uint(4, data.length + 8), Buffer.from("mdat"), data]);
}

function essential(property: Buffer): number {
  return ["av1C", "irot", "imir"].includes(property.toString("latin1", 4, 8)) ? 0x80 : 0;
}

function ispe(width: number, height: number): Buffer {
  return box("ispe", uint(4, 0), uint(4, width), uint(4, height));
}

/** AV1 Codec ISO Media File Format Binding, 2.3: without OBUs, which the decoder would read, too. */
function av1C(frame: Av1Frame): Buffer {
  const { profile, level, bitDepth, isMonochrome, isHalvedAcross, isHalvedDown } = frame;
  const flags = [false, bitDepth > 8, bitDepth === 12, isMonochrome, isHalvedAcross, isHalvedDown];
  const format = flags.reduce((value, flag) => value * 2 + (flag ? 1 : 0), 0);
  const version = 0x81;
  return box(
    "av1C",
    Buffer.from([version, (profile << 5) | level, (format << 2) | frame.chromaPosition, 0]),
  );
}

function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint(4, body.length + 8), Buffer.from(type, "latin1"), body]);
}

function uint(length: number, value: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}
