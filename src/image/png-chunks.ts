export interface PngChunk {
  type: string;
  data: Buffer;
  /** Of the whole chunk in its file: the first byte, and the one after the last. */
  start: number;
  end: number;
}

/** Chunks with compressed data that libpng would unpack, each to 8 MB: up to 18 s for an upload of 20 MB. */
const compressed = ["iCCP", "iTXt", "zTXt"];

/** Chunks in their order (PNG, section 5.3: length, type, data, CRC), up to what is none. */
export function* pngChunks(file: Uint8Array): Generator<PngChunk> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 12 + bytes.readUInt32BE(at);
    if (end > bytes.length) return;
    const type = bytes.toString("latin1", at + 4, at + 8);
    yield { type, data: bytes.subarray(at + 8, end - 4), start: at, end };
    at = end;
  }
}

export function isPng(file: Uint8Array): boolean {
  // PNG, section 5.2.
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return signature.equals(file.subarray(0, signature.length));
}

/**
 * A PNG without colour profile and compressed texts: none of them changes a pixel here.
 *
 * @returns the file itself where it has none
 */
export function withoutCompressedTexts(file: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [];
  let keptFrom = 0;
  for (const { type, start, end } of pngChunks(file)) {
    if (!compressed.includes(type)) continue;
    parts.push(file.subarray(keptFrom, start));
    keptFrom = end;
  }
  return keptFrom === 0 ? file : Buffer.concat([...parts, file.subarray(keptFrom)]);
}
