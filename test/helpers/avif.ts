import type { Sharp } from "sharp";

/** The contents of an AVIF file for a test. */
export interface AvifShape {
  width: number;
  height: number;
  /** AV1 OBUs. */
  data: Buffer;
  brand?: string;
  itemType?: string;
  /** Whole boxes after `ispe`; the highest bit of an association marks them as essential. */
  properties?: readonly Buffer[];
  isEssential?: boolean;
  /** 1: the data is in `idat`. */
  method?: 0 | 1 | 2;
  /** Boxes before `meta`, and in it. */
  before?: readonly Buffer[];
  inMeta?: readonly Buffer[];
  /** Number of extents into which the data is divided. */
  extents?: number;
  /** Each extent covers all of the data. */
  isRepeated?: boolean;
}

export function avif(shape: AvifShape): Buffer {
  const { data, properties = [], method = 0, before = [], inMeta = [], extents = 1 } = shape;
  const all = [fullBox("ispe", uint(4, shape.width), uint(4, shape.height)), ...properties];
  const essential = shape.isEssential === true ? 0x80 : 0;
  const cut = Math.ceil(data.length / extents);
  const isRepeated = shape.isRepeated === true;
  const meta = (start: number): Buffer =>
    fullBox(
      "meta",
      fullBox("hdlr", uint(4, 0), Buffer.from("pict"), Buffer.alloc(13)),
      fullBox("pitm", uint(2, 1)),
      fullBox("iinf", uint(2, 1), infe(1, shape.itemType ?? "av01")),
      box(
        "iprp",
        box("ipco", ...all),
        fullBox(
          "ipma",
          ...[uint(4, 1), uint(2, 1), uint(1, all.length), uint(1, 1)],
          ...properties.map((_, index) => uint(1, essential | (index + 2))),
        ),
      ),
      box(
        "iloc",
        ...[uint(4, 0x0100_0000), uint(2, 0x4400), uint(2, 1), uint(2, 1), uint(2, method)],
        ...[uint(2, 0), uint(2, extents)],
        ...Array.from({ length: extents }, (_, index) => {
          if (isRepeated) return Buffer.concat([uint(4, start), uint(4, data.length)]);
          const length = Math.min(cut, data.length - index * cut);
          return Buffer.concat([uint(4, start + index * cut), uint(4, length)]);
        }),
      ),
      ...(method === 1 ? [box("idat", data)] : []),
      ...inMeta,
    );
  const brand = Buffer.from(shape.brand ?? "avif");
  const head = [box("ftyp", brand, uint(4, 0), brand), ...before];
  const length = head.reduce((sum, part) => sum + part.length, meta(0).length);
  return method === 1
    ? Buffer.concat([...head, meta(0)])
    : Buffer.concat([...head, meta(length + 8), box("mdat", data)]);
}

export function infe(id: number, type: string): Buffer {
  return box("infe", uint(4, 0x0200_0000), uint(2, id), uint(2, 0), Buffer.from(`${type}\0`));
}

export function box(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint(4, body.length + 8), Buffer.from(type, "latin1"), body]);
}

function fullBox(type: string, ...parts: readonly Buffer[]): Buffer {
  return box(type, uint(4, 0), ...parts);
}

export function uint(length: number, value: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value, 0, length);
  return bytes;
}

/** A clean aperture in the middle of a picture (ISO/IEC 14496-12, 12.1.4). */
export function clap(width: number, height: number): Buffer {
  return box("clap", ...[width, 1, height, 1, 0, 1, 0, 1].map((value) => uint(4, value)));
}

/** Returns libaom's OBUs of a picture without alpha: sharp writes `mdat` as the last box, and nothing else in it. */
export async function obusOf(picture: Sharp, options: object = {}): Promise<Buffer[]> {
  const file = await picture.avif({ effort: 0, ...options }).toBuffer();
  return split(file.subarray(file.indexOf("mdat") + 4));
}

/** AV1 specification, 5.3: OBUs of up to 16,383 bytes. */
function split(stream: Buffer): Buffer[] {
  const obus: Buffer[] = [];
  for (let at = 0; at < stream.length;) {
    const low = stream[at + 1] ?? 0;
    const isLong = low >= 128;
    const size = isLong ? (low & 127) + 128 * (stream[at + 2] ?? 0) : low;
    const end = at + (isLong ? 3 : 2) + size;
    obus.push(stream.subarray(at, end));
    at = end;
  }
  return obus;
}

/** An OBU of a type that does not affect pixels. */
export function obu(type: number, body: Buffer): Buffer {
  return Buffer.concat([uint(1, (type << 3) | 2), uint(1, body.length), body]);
}
