import { readAv1Frame, type Av1Frame } from "./av1-frame.js";
import { readAvifItem } from "./avif-boxes.js";
import { unlikePillow } from "./decode-failure.js";

/** An AVIF rewritten with its primary item only, so that the decoder gets no bytes that were not checked here. */
export interface AvifStill {
  file: Buffer;
  /** Bytes of decoder memory beyond what every AVIF of this size needs. */
  moreBytes: number;
}

/** Samples per pixel of the copy to which libaom adds film grain; it is held in addition to the decoded picture. */
const grainSamples = 3;
const itemId = 1;
/** Size and type before a box's body. */
const boxHeaderBytes = 8;

/**
 * Extracts an AVIF's primary item into a file of its own (AVIF specification; ISO/IEC 14496-12; ISO/IEC 23008-12).
 *
 * @throws ImageError IMAGE_UNSUPPORTED if the item is not one AV1 frame of the item's size: for grids, overlays,
 *   layers and croppings
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
  // libheif's copy of the item's data, and the file itself.
  return { file: still, moreBytes: 2 * still.length + (hasFilmGrain ? grainBytes : 0) };
}

/** Writes a file of one item (ISO/IEC 14496-12, 4.3): `ftyp`, `meta`, `mdat`. */
function write(properties: readonly Buffer[], data: Buffer): Buffer {
  const ftyp = box("ftyp", Buffer.from("avif\0\0\0\0avifmif1miaf", "latin1"));
  // The item's offset has a fixed number of bytes, so that the length of `meta` does not depend on it.
  const metaBytes = metaBox(properties, { offset: 0, length: data.length }).length;
  const offset = ftyp.length + metaBytes + boxHeaderBytes;
  const meta = metaBox(properties, { offset, length: data.length });
  // Not through `box`, which would copy the data once more.
  const mdat = [uint(4, data.length + boxHeaderBytes), Buffer.from("mdat", "latin1")];
  return Buffer.concat([ftyp, meta, ...mdat, data]);
}

/** ISO/IEC 14496-12, 8.11.1. */
function metaBox(
  properties: readonly Buffer[],
  location: { offset: number; length: number },
): Buffer {
  return box(
    "meta",
    uint(4, 0),
    // 8.4.3: a handler of pictures, without a name.
    box("hdlr", uint(4, 0), uint(4, 0), Buffer.from("pict", "latin1"), Buffer.alloc(13)),
    box("pitm", uint(4, 0), uint(2, itemId)),
    itemInfo(),
    itemProperties(properties),
    itemLocation(location),
  );
}

/** ISO/IEC 14496-12, 8.11.6: one item of type `av01`. */
function itemInfo(): Buffer {
  const type = Buffer.from("av01\0", "latin1");
  const entry = box("infe", uint(4, 0x0200_0000), uint(2, itemId), uint(2, 0), type);
  return box("iinf", uint(4, 0), uint(2, 1), entry);
}

/** ISO/IEC 23008-12, 9.3: the properties, and their association with the item. */
function itemProperties(properties: readonly Buffer[]): Buffer {
  // Each has its index from 1. `ispe` and `colr` need not be essential.
  const indices = Buffer.from(
    properties.map((property, index) => essential(property) | (index + 1)),
  );
  return box(
    "iprp",
    box("ipco", ...properties),
    box("ipma", uint(4, 0), uint(4, 1), uint(2, itemId), uint(1, properties.length), indices),
  );
}

/** ISO/IEC 14496-12, 8.11.3: one extent, with an offset and a length of 4 bytes each. */
function itemLocation({ offset, length }: { offset: number; length: number }): Buffer {
  const item = [uint(2, itemId), uint(2, 0), uint(2, 1), uint(4, offset), uint(4, length)];
  return box("iloc", uint(4, 0), uint(2, 0x4400), uint(2, 1), ...item);
}

/** @returns the bit that marks a property as essential in `ipma`, or 0 */
function essential(property: Buffer): number {
  return ["av1C", "irot", "imir"].includes(property.toString("latin1", 4, 8)) ? 0x80 : 0;
}

function ispe(width: number, height: number): Buffer {
  return box("ispe", uint(4, 0), uint(4, width), uint(4, height));
}

/** AV1 Codec ISO Media File Format Binding, 2.3: without configOBUs, because the decoder would decode them, too. */
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
  return Buffer.concat([uint(4, body.length + boxHeaderBytes), Buffer.from(type, "latin1"), body]);
}

function uint(length: number, value: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}
