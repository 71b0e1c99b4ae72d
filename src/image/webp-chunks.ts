import { notWhole, unlikePillow } from "./decode-failure.js";
import { readTiffDirectory } from "./tiff-directory.js";
import { readVp8lTableBytes } from "./vp8l-tables.js";

/** A WebP of one picture, without metadata and without the alpha chunk of lossy pictures. */
export interface WebpStill {
  /** The original file, if it contains nothing but the picture; otherwise a copy of the picture. */
  file: Uint8Array;
  /** Bytes of the copy, if one was made, and of the decoder's tables. */
  moreBytes: number;
  /** EXIF's Orientation; 1 is upright. */
  orientation: number;
}

interface Chunk {
  type: string;
  body: Buffer;
  /** The whole chunk, with header and padding. */
  bytes: Buffer;
}

interface Size {
  width: number;
  height: number;
}

/** Most chunks in one container. An animation has one for each picture. */
const mostChunks = 65_536;
const readTypes = ["VP8 ", "VP8L", "VP8X", "ANMF", "EXIF"];
const orientationTag = 0x0112;
/** Flags of VP8X (RFC 9649, section 2.7.1). */
const flag = { animation: 0x02, exif: 0x08 } as const;

/** Whether a file begins like a WebP (RFC 9649, section 2.4). */
export function isWebp(file: Uint8Array): boolean {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  return bytes.toString("latin1", 0, 4) === "RIFF" && bytes.toString("latin1", 8, 12) === "WEBP";
}

/**
 * Extracts the picture of a WebP (RFC 9649, section 2); from an animation the first, which must fill the canvas. libwebp
 * would parse all pictures, in time quadratic in their number. Here time is linear in the length of the file.
 *
 * @throws ImageError IMAGE_UNSUPPORTED for a malformed file, or a first picture that does not fill the canvas
 */
export function readWebpStill(file: Uint8Array): WebpStill {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const end = bytes.length < 12 ? Infinity : 8 + bytes.readUInt32LE(4);
  if (end > bytes.length) throw notWhole("a WebP that ends where it says");
  const chunks = chunksIn(bytes.subarray(12, end));
  const [first] = chunks;
  if (first?.bytes.byteOffset !== bytes.byteOffset + 12) throw notWhole("a picture, or VP8X");
  if (first.type !== "VP8X") return stillOf(bytes, first, 1);
  if (first.body.length < 10) throw notWhole("a whole VP8X");
  // Section 2.7.1: flags, three reserved bytes, the canvas' size.
  const flags = first.body[0] ?? 0;
  const canvas = sizeAt(first.body, 4);
  const image = (flags & flag.animation) === 0 ? pictureIn(chunks) : firstFrame(chunks, canvas);
  const { width, height } = pictureSize(image);
  if (width !== canvas.width || height !== canvas.height) throw notWhole("a canvas of one size");
  const exif = (flags & flag.exif) === 0 ? undefined : chunks.find(({ type }) => type === "EXIF");
  return stillOf(bytes, image, exif === undefined ? 1 : readOrientation(exif.body));
}

/**
 * Reads a container's chunks (section 2.3): type, size, body, and a byte of padding if the size is odd.
 *
 * @returns the first two chunks of each of `readTypes`
 */
function chunksIn(bytes: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  const seen = new Map(readTypes.map((type) => [type, 0]));
  let count = 0;
  for (let at = 0; at + 8 <= bytes.length; count += 1) {
    if (count === mostChunks) throw unlikePillow(`a WebP of more than ${mostChunks} chunks`);
    const size = bytes.readUInt32LE(at + 4);
    const body = at + 8;
    if (size > bytes.length - body) throw notWhole("a chunk within its container");
    const end = body + size + (size % 2);
    const type = bytes.toString("latin1", at, at + 4);
    const before = seen.get(type) ?? 2;
    if (before < 2) {
      const whole = bytes.subarray(at, end);
      chunks.push({ type, body: bytes.subarray(body, body + size), bytes: whole });
      seen.set(type, before + 1);
    }
    at = end;
  }
  return chunks;
}

function pictureIn(chunks: readonly Chunk[]): Chunk {
  const pictures = chunks.filter(({ type }) => type === "VP8 " || type === "VP8L");
  const [picture] = pictures;
  if (picture === undefined || pictures.length > 1) throw notWhole("one picture");
  return picture;
}

/** Section 2.7.1.1: the frame's left and top offset in units of two pixels, its size, duration (3 bytes) and flags. */
function firstFrame(chunks: readonly Chunk[], canvas: Size): Chunk {
  const frame = chunks.find(({ type }) => type === "ANMF")?.body;
  if (frame === undefined || frame.length < 16) throw notWhole("a frame");
  const { width, height } = sizeAt(frame, 6);
  const isWhole = width === canvas.width && height === canvas.height;
  if (!isWhole || frame.readUIntLE(0, 6) !== 0) {
    throw unlikePillow("a WebP whose first picture does not cover its canvas");
  }
  return pictureIn(chunksIn(frame.subarray(16)));
}

function sizeAt(bytes: Buffer, at: number): Size {
  return { width: bytes.readUIntLE(at, 3) + 1, height: bytes.readUIntLE(at + 3, 3) + 1 };
}

function pictureSize({ type, body }: Chunk): Size {
  if (body.length < 10) throw notWhole("a picture's header");
  if (type === "VP8L") {
    // RFC 9649, section 3.4: a signature of one byte, two numbers of 14 bits.
    const bits = body.readUInt32LE(1);
    return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
  }
  // RFC 6386, section 9.1: a tag and a start code of three bytes each, two numbers of 14 bits and a scale.
  return { width: body.readUInt16LE(6) & 0x3fff, height: body.readUInt16LE(8) & 0x3fff };
}

function stillOf(file: Buffer, picture: Chunk, orientation: number): WebpStill {
  const { type, body, bytes } = picture;
  if (type !== "VP8 " && type !== "VP8L") throw notWhole("a picture");
  const tableBytes = type === "VP8L" ? readVp8lTableBytes(body) : 0;
  const size = 4 + bytes.length;
  // The file has one chunk, the picture. libwebp does not read beyond it.
  if (file.readUInt32LE(4) <= size + 1 && bytes.byteOffset === file.byteOffset + 12) {
    return { file, moreBytes: tableBytes, orientation };
  }
  const header = Buffer.from("RIFF\0\0\0\0WEBP", "latin1");
  header.writeUInt32LE(size, 4);
  const still = Buffer.concat([header, bytes]);
  return { file: still, moreBytes: tableBytes + still.length, orientation };
}

/** Reads EXIF's Orientation like Pillow 9.4's `exif_transpose`: with or without the prefix of JPEG segments. */
function readOrientation(exif: Buffer): number {
  const isPrefixed = exif.toString("latin1", 0, 6) === "Exif\0\0";
  const directory = readTiffDirectory(isPrefixed ? exif.subarray(6) : exif);
  return directory?.get(orientationTag)?.[0] ?? 1;
}
