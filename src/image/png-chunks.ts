/** Chunk types as numbers: their four letters, big-endian (PNG, section 5.3). */
const typeOf = (name: string): number => Buffer.from(name, "latin1").readUInt32BE();
export const chunkType = {
  pixels: typeOf("IDAT"),
  text: typeOf("tEXt"),
  compressedText: typeOf("zTXt"),
  internationalText: typeOf("iTXt"),
  profile: typeOf("iCCP"),
  end: typeOf("IEND"),
} as const;

/** Where a chunk is in its file: the first byte of its data, and the one after the last; a length stands before, a CRC after it. */
export type ChunkVisitor = (type: number, dataStart: number, dataEnd: number) => void;

/** Of the first letter: the chunk is not critical (section 5.4). */
const ancillaryBit = 0x2000_0000;
/** Bytes of a chunk beside its data: length and type before it, CRC behind it. */
const headBytes = 8;
const crcBytes = 4;
/** Other chunks than IDAT: metadata, and frames of an animation, are some thousand at most. */
export const mostChunks = 10_000;

/**
 * Visits chunks in their order (PNG, section 5.3: length, type, data, CRC), up to IEND or what is none. Nothing is allocated for
 * a chunk: an upload may have 1.7 million.
 *
 * @returns false where there are more than `mostChunks` beside IDAT; the others are not visited
 */
export function visitPngChunks(file: Uint8Array, visit: ChunkVisitor): boolean {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let others = 0;
  for (let at = 8; at + headBytes + crcBytes <= file.length;) {
    const dataStart = at + headBytes;
    const dataEnd = dataStart + view.getUint32(at);
    const type = view.getUint32(at + 4);
    if (dataEnd + crcBytes > file.length) return true;
    if (type !== chunkType.pixels) {
      others += 1;
      if (others > mostChunks) return false;
      visit(type, dataStart, dataEnd);
      if (type === chunkType.end) return true;
    }
    at = dataEnd + crcBytes;
  }
  return true;
}

export function isPng(file: Uint8Array): boolean {
  // PNG, section 5.2.
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return signature.equals(file.subarray(0, signature.length));
}

/** Chunks with compressed data that libpng would unpack, each to 8 MB: up to 18 s for an upload of 20 MB. */
function isCompressed(type: number): boolean {
  return (
    type === chunkType.profile ||
    type === chunkType.compressedText ||
    type === chunkType.internationalText
  );
}

/** Data of the chunks that are not needed for the pixels, and that libvips keeps: EXIF, plain texts. */
export function pngMetadataBytes(file: Uint8Array): number {
  let bytes = 0;
  visitPngChunks(file, (type, dataStart, dataEnd) => {
    if ((type & ancillaryBit) !== 0 && !isCompressed(type)) bytes += dataEnd - dataStart;
  });
  return bytes;
}

/**
 * A PNG without colour profile and compressed texts: none of them changes a pixel here.
 *
 * @returns the file itself where it has none; undefined where it has more than `mostChunks` beside IDAT
 */
export function withoutCompressedTexts(file: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let keptFrom = 0;
  const isWhole = visitPngChunks(file, (type, dataStart, dataEnd) => {
    if (!isCompressed(type)) return;
    const start = dataStart - headBytes;
    // Of chunks beside each other no part lies between.
    if (start > keptFrom) parts.push(file.subarray(keptFrom, start));
    keptFrom = dataEnd + crcBytes;
  });
  if (!isWhole) return undefined;
  return keptFrom === 0 ? file : Buffer.concat([...parts, file.subarray(keptFrom)]);
}
