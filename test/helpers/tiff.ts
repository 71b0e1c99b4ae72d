import { deflateSync } from "node:zlib";

export interface TiffShape {
  width: number;
  height: number;
  bits: 1 | 8 | 16 | 32;
  samples: number;
  /** SampleFormat: 1 unsigned, 2 signed, 3 float. */
  sampleFormat?: 1 | 2 | 3;
  /** PhotometricInterpretation; default: 1 (grey) or 2 (RGB). */
  photometric?: number;
  /** ExtraSamples: 0 unspecified, 1 premultiplied alpha, 2 alpha. */
  extraSamples?: number;
  /** YCbCrSubSampling: horizontal and vertical. */
  subsampling?: 1 | 2;
  /** ICC profile. */
  profile?: Buffer;
  isPlanar?: boolean;
  orientation?: number;
  rowsPerStrip?: number;
  tile?: { width: number; height: number };
  /** Compression: for 8, Deflate, the data is compressed; for others it is written unchanged. */
  compression?: number;
  /** The bytes of all samples; default: 0x40 in each byte. */
  pixels?: Buffer;
}

const coloursOf: Record<number, number> = { 0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3 };

/**
 * Makes a little-endian TIFF of any layout. Without `pixels` all strips or tiles share the same bytes of the file:
 * it is small even with many pixels. With `pixels` there is one strip, or one for each plane.
 */
export function tiff(shape: TiffShape): Buffer {
  const { width, height, bits, samples, tile, pixels, isPlanar = false, compression = 8 } = shape;
  const photometric = shape.photometric ?? (samples < 3 ? 1 : 2);
  const planes = isPlanar ? samples : 1;
  const rowBytes = (columns: number): number =>
    Math.ceil((columns * (samples / planes) * bits) / 8);
  const defaultRows = pixels === undefined ? Math.ceil(65_536 / rowBytes(width)) : height;
  const rowsPerStrip = Math.min(shape.rowsPerStrip ?? defaultRows, height);
  const count =
    tile === undefined
      ? Math.ceil(height / rowsPerStrip) * planes
      : Math.ceil(width / tile.width) * Math.ceil(height / tile.height) * planes;
  const blockBytes =
    tile === undefined ? rowBytes(width) * rowsPerStrip : rowBytes(tile.width) * tile.height;
  const pack = (block: Buffer): Buffer => (compression === 8 ? deflateSync(block) : block);
  const blocks =
    pixels === undefined
      ? [pack(Buffer.alloc(blockBytes, 0x40))]
      : Array.from({ length: planes }, (_, plane) =>
          pack(pixels.subarray(plane * blockBytes, (plane + 1) * blockBytes)),
        );
  const starts: number[] = [];
  blocks.reduce((at, block) => (starts.push(at), at + block.length), 8);
  const pick = (list: readonly number[]): number[] =>
    Array.from({ length: count }, (_, index) => list[index % list.length] ?? 0);
  const lengths = blocks.map(({ length }) => length);
  const extra = samples - (coloursOf[photometric] ?? samples);
  const short = (tag: number, ...values: number[]): Tag => ({ tag, size: 2, values });
  const long = (tag: number, ...values: number[]): Tag => ({ tag, size: 4, values });
  const tags = [
    long(256, width),
    long(257, height),
    short(258, ...Array.from({ length: samples }, () => bits)),
    short(259, compression),
    short(262, photometric),
    ...(tile === undefined ? [long(273, ...pick(starts))] : []),
    short(274, shape.orientation ?? 1),
    short(277, samples),
    ...(tile === undefined ? [long(278, rowsPerStrip), long(279, ...pick(lengths))] : []),
    short(284, isPlanar ? 2 : 1),
    ...(tile === undefined
      ? []
      : [
          long(322, tile.width),
          long(323, tile.height),
          long(324, ...pick(starts)),
          long(325, ...pick(lengths)),
        ]),
    ...(extra > 0
      ? [short(338, ...Array.from({ length: extra }, () => shape.extraSamples ?? 0))]
      : []),
    short(339, ...Array.from({ length: samples }, () => shape.sampleFormat ?? 1)),
    ...(photometric === 6 ? [short(530, shape.subsampling ?? 1, shape.subsampling ?? 1)] : []),
    ...(shape.profile === undefined
      ? []
      : [{ tag: 34_675, size: 1, values: shape.profile } satisfies Tag]),
  ];
  return assemble(Buffer.concat(blocks), tags);
}

interface Tag {
  tag: number;
  size: 1 | 2 | 4;
  values: ArrayLike<number>;
}

/** UNDEFINED, SHORT, LONG. */
const types = { 1: 7, 2: 3, 4: 4 } as const;

/** Joins the header, the blocks, the directory, and the values that do not fit into its entries. */
function assemble(body: Buffer, tags: readonly Tag[]): Buffer {
  const header = Buffer.from("49492a0000000000", "hex");
  header.writeUInt32LE(8 + body.length, 4);
  const directory = Buffer.alloc(2 + tags.length * 12 + 4);
  directory.writeUInt16LE(tags.length);
  const far: Buffer[] = [];
  let farAt = 8 + body.length + directory.length;
  tags.forEach(({ tag, size, values }, index) => {
    const at = 2 + index * 12;
    directory.writeUInt16LE(tag, at);
    directory.writeUInt16LE(types[size], at + 2);
    directory.writeUInt32LE(values.length, at + 4);
    const bytes = Buffer.alloc(Math.max(4, values.length * size));
    if (size === 1) bytes.set(values);
    else Array.from(values).forEach((value, place) => bytes.writeUIntLE(value, place * size, size));
    if (bytes.length === 4) {
      directory.set(bytes, at + 8);
      return;
    }
    directory.writeUInt32LE(farAt, at + 8);
    far.push(bytes);
    farAt += bytes.length;
  });
  return Buffer.concat([header, body, directory, ...far]);
}
