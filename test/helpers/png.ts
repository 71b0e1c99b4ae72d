import { crc32, deflateSync } from "node:zlib";

export interface PngShape {
  width: number;
  height: number;
  /** PNG, section 11.2.2: bits of a sample, and what the samples are. */
  bits: 1 | 2 | 4 | 8 | 16;
  colourType: 0 | 2 | 3 | 4 | 6;
  isInterlaced?: boolean;
  /** Chunks before IDAT. */
  chunks?: readonly Buffer[];
}

const samplesOf = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const;
/** Adam7: first column and row, steps across and down (PNG, section 8.2). */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Makes a PNG of any size whose bytes are all 0x40 (in a palette: entry 0). The file is small even with many pixels. */
export function flatPng(shape: PngShape): Buffer {
  const { width, height, bits, colourType, isInterlaced = false, chunks = [] } = shape;
  const rows = (columns: number, count: number): Buffer => {
    if (columns <= 0 || count <= 0) return Buffer.alloc(0);
    const rowBytes = Math.ceil((columns * samplesOf[colourType] * bits) / 8);
    const row = Buffer.alloc(1 + rowBytes, colourType === 3 ? 0 : 0x40);
    row[0] = 0;
    return Buffer.alloc(count * row.length, row);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, colourType, 0, 0, isInterlaced ? 1 : 0], 8);
  const pixels = isInterlaced
    ? passes.map(([x, y, across, down]) =>
        rows(Math.ceil((width - x) / across), Math.ceil((height - y) / down)),
      )
    : [rows(width, height)];
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    pngChunk("IHDR", header),
    ...(colourType === 3 ? [pngChunk("PLTE", Buffer.alloc(48, 0x40))] : []),
    ...chunks,
    pngChunk("IDAT", deflateSync(Buffer.concat(pixels), { level: 1 })),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  chunk.set(body, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}
