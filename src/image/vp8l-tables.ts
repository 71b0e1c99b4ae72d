import { notWhole } from "./decode-failure.js";
import { PrefixCode, Vp8lBits } from "./vp8l-codes.js";

/**
 * Most pixels of embedded images (transforms, palette, entropy image) that are read, which takes 0.1 s at most. For a
 * picture of 50 megapixels, version 0.4 of libwebp's encoder wrote up to 400,000, and the current one writes 35,000.
 */
const mostPixels = 2 ** 19;
/** Prefix code group numbers have 16 bits. */
const mostGroups = 2 ** 16;
/** Up to this number of groups, libwebp allocates all of them; if there are more, only those in use. */
const alwaysMade = 1000;
/** libwebp's kTableSize: entries of a group's five tables without a colour cache; further entries by the cache's bits. */
const plainEntries = 2300 + 654;
const cacheEntries = [0, 2, 4, 8, 16, 32, 64, 128, 258, 514, 1026, 2050];
const entryBytes = 4;
/** Size of libwebp's HTreeGroup. */
const groupBytes = 600;
/** RFC 9649, section 3.7.3: number of length symbols, of literals of a channel, of distance symbols. */
const [lengthCodes, literals, distances] = [24, 256, 40];

/**
 * Reads a lossless picture up to its prefix code groups (RFC 9649, section 3).
 *
 * @param body data of the chunk VP8L
 * @returns upper bound of the memory that libwebp's tables of these groups take, in bytes. If embedded images are too
 *   large to be read, it is the size of the largest possible tables.
 * @throws ImageError IMAGE_UNSUPPORTED
 */
export function readVp8lTableBytes(body: Buffer): number {
  const bits = new Vp8lBits(body);
  // 3.4: signature, size, alpha flag, version.
  const isKnown = bits.read(8) === 0x2f;
  const [fullWidth, height] = [bits.read(14) + 1, bits.read(14) + 1];
  bits.read(1);
  if (!isKnown || bits.read(3) !== 0) throw notWhole("a lossless picture of version 0");
  const reader = new ImageReader(bits);
  const width = readTransforms(bits, reader, fullWidth, height);
  if (width === undefined) return tableBytes(mostGroups, cacheEntries.length - 1);
  const cacheBits = readCacheBits(bits);
  // 3.7.2.2: without an entropy image there is one group.
  if (bits.read(1) === 0) return tableBytes(1, cacheBits);
  const [columns, rows] = readBlocks(bits, width, height);
  const largest = reader.readLargestGroup(columns * rows);
  if (largest === undefined) return tableBytes(Math.min(mostGroups, columns * rows), cacheBits);
  const groups = largest + 1;
  return tableBytes(groups > alwaysMade ? Math.min(groups, columns * rows) : groups, cacheBits);
}

function tableBytes(groups: number, cacheBits: number): number {
  return groups * ((plainEntries + (cacheEntries[cacheBits] ?? 0)) * entryBytes + groupBytes);
}

/**
 * Reads the transforms (3.5), each of which may occur once.
 *
 * @returns the width of the transformed picture (3.5.4: colour indexing packs several indices into a pixel); undefined
 *   if an embedded image is too large to be read
 */
function readTransforms(
  bits: Vp8lBits,
  reader: ImageReader,
  fullWidth: number,
  height: number,
): number | undefined {
  const seen = new Set<number>();
  let width = fullWidth;
  while (bits.read(1) === 1) {
    const type = bits.read(2);
    if (seen.has(type)) throw notWhole("each transform once");
    seen.add(type);
    if (type === 0 || type === 1) {
      const [columns, rows] = readBlocks(bits, width, height);
      if (reader.readLargestGroup(columns * rows) === undefined) return undefined;
    }
    if (type === 3) {
      const colours = bits.read(8) + 1;
      if (reader.readLargestGroup(colours) === undefined) return undefined;
      width = Math.ceil(width / (colours <= 2 ? 8 : colours <= 4 ? 4 : colours <= 16 ? 2 : 1));
    }
  }
  return width;
}

/**
 * Reads the size of blocks, whose side is a power of two (3.5.1, 3.7.2.2).
 *
 * @returns number of columns and rows of blocks
 */
function readBlocks(bits: Vp8lBits, width: number, height: number): [number, number] {
  const side = 2 ** (bits.read(3) + 2);
  return [Math.ceil(width / side), Math.ceil(height / side)];
}

/** Reads the colour cache's size in bits (3.6.3); 0 without a cache. */
function readCacheBits(bits: Vp8lBits): number {
  if (bits.read(1) === 0) return 0;
  const cacheBits = bits.read(4);
  if (cacheBits < 1 || cacheBits > 11) throw notWhole("a colour cache of 1 to 11 bits");
  return cacheBits;
}

/** Reads embedded images, which have one prefix code group each: a transform's, a palette, the entropy image. */
class ImageReader {
  readonly #bits: Vp8lBits;
  #left = mostPixels;

  constructor(bits: Vp8lBits) {
    this.#bits = bits;
  }

  /**
   * Reads an image. Copied and cached pixels have been literals before, so only literals are compared.
   *
   * @returns the largest 16-bit number made of a pixel's red (high byte) and green; undefined if the image is too large
   */
  readLargestGroup(pixels: number): number | undefined {
    this.#left -= pixels;
    if (this.#left < 0) return undefined;
    const bits = this.#bits;
    const cacheBits = readCacheBits(bits);
    const cached = cacheBits === 0 ? 0 : 2 ** cacheBits;
    const green = new PrefixCode(bits, literals + lengthCodes + cached);
    const red = new PrefixCode(bits, literals);
    const blue = new PrefixCode(bits, literals);
    const alpha = new PrefixCode(bits, literals);
    const distance = new PrefixCode(bits, distances);
    let largest = 0;
    for (let done = 0; done < pixels;) {
      const symbol = green.read(bits);
      if (symbol < literals) {
        largest = Math.max(largest, red.read(bits) * 256 + symbol);
        blue.read(bits);
        alpha.read(bits);
        done += 1;
      } else if (symbol < literals + lengthCodes) {
        done += readExtended(bits, symbol - literals);
        readExtended(bits, distance.read(bits));
      } else done += 1;
    }
    return largest;
  }
}

/** Reads a length or a distance: a prefix symbol and extra bits (3.6.2.2). */
function readExtended(bits: Vp8lBits, symbol: number): number {
  if (symbol < 4) return symbol + 1;
  const extraBits = (symbol - 2) >> 1;
  return (2 + (symbol & 1)) * 2 ** extraBits + bits.read(extraBits) + 1;
}
