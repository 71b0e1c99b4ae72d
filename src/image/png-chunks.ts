/** Converts a chunk type to a number: its four letters, big-endian (PNG, section 5.3). */
const typeOf = (name: string): number => Buffer.from(name, "latin1").readUInt32BE();
/** The chunk types that this folder handles, as numbers. */
export const chunkType = {
  pixels: typeOf("IDAT"),
  text: typeOf("tEXt"),
  compressedText: typeOf("zTXt"),
  internationalText: typeOf("iTXt"),
  profile: typeOf("iCCP"),
  end: typeOf("IEND"),
} as const;

/** Called with a chunk's type, the offset of the first byte of its data, and the offset after the last. */
export type ChunkVisitor = (type: number, dataStart: number, dataEnd: number) => void;

/** Bit of the type's first letter that is set if the chunk is not critical (section 5.4). */
const ancillaryBit = 0x2000_0000;
/** Bytes of a chunk besides its data: length and type before it, CRC after it. */
const headBytes = 8;
const crcBytes = 4;
/** Most chunks other than IDAT. Metadata and animation frames make a few thousand at most. */
export const mostChunks = 10_000;

/**
 * Visits the chunks other than IDAT in file order (PNG, section 5.3: length, type, data, CRC), up to IEND or to a
 * truncated chunk. Nothing is allocated per chunk, because an upload may have 1.7 million.
 *
 * @returns false if there are more than `mostChunks`; the rest is not visited
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

/** Whether a file begins with the signature of PNG (section 5.2). */
export function isPng(file: Uint8Array): boolean {
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return signature.equals(file.subarray(0, signature.length));
}

/** Whether libpng would inflate a chunk's data, to up to 8 MB each: up to 18 s for an upload of 20 MB. */
function isCompressed(type: number): boolean {
  return (
    type === chunkType.profile ||
    type === chunkType.compressedText ||
    type === chunkType.internationalText
  );
}

/** @returns bytes of data in all ancillary chunks but compressed ones: an upper bound of what libvips keeps (EXIF, texts) */
export function pngMetadataBytes(file: Uint8Array): number {
  let bytes = 0;
  visitPngChunks(file, (type, dataStart, dataEnd) => {
    if ((type & ancillaryBit) !== 0 && !isCompressed(type)) bytes += dataEnd - dataStart;
  });
  return bytes;
}

/**
 * Removes a PNG's chunks iCCP (colour profile), zTXt and iTXt (texts). Profiles are ignored, so the pixels stay the same.
 *
 * @returns the file itself if it has none of them; undefined if it has more than `mostChunks` other than IDAT
 */
export function withoutCompressedTexts(file: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let keptFrom = 0;
  const isWhole = visitPngChunks(file, (type, dataStart, dataEnd) => {
    if (!isCompressed(type)) return;
    const start = dataStart - headBytes;
    // Between adjacent chunks there is nothing to keep.
    if (start > keptFrom) parts.push(file.subarray(keptFrom, start));
    keptFrom = dataEnd + crcBytes;
  });
  if (!isWhole) return undefined;
  return keptFrom === 0 ? file : Buffer.concat([...parts, file.subarray(keptFrom)]);
}
