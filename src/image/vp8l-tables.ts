import { notWhole } from "./decode-failure.js";
import { PrefixCode, Vp8lBits } from "./vp8l-codes.js";

/**
 * Of the pictures within a picture, so many pixels are read, in 0.1 s at most. libwebp's encoder has written up to
 * 400,000 for a picture of 50 megapixels (version 0.4), now 35,000.
 */
const mostPixels = 2 ** 19;
/** Group numbers have 16 bits. */
const mostGroups = 2 ** 16;
/** Up to so many groups libwebp makes all of them; of more those that are used. */
const alwaysMade = 1000;
/** libwebp's kTableSize: entries of a group's five tables without a colour cache; what one adds, by its bits. */
const plainEntries = 2300 + 654;
const cacheEntries = [0, 2, 4, 8, 16, 32, 64, 128, 258, 514, 1026, 2050];
const entryBytes = 4;
/** libwebp's HTreeGroup. */
const groupBytes = 600;
/** RFC 9649, section 3.7.3: of length, the literals of a channel, the distances. */
const [lengthCodes, literals, distances] = [24, 256, 40];

/**
 * Reads a lossless picture up to its prefix code groups (RFC 9649, section 3).
 *
 * @param body of the chunk VP8L
 * @returns the most memory that libwebp's tables of these groups take, in bytes. With pictures within it that are too
 *   large to be read: that of the largest tables that there are.
 * @throws RequestError IMAGE_UNSUPPORTED
 */
export function readVp8lTableBytes(body: Buffer): number {
  const bits = new Vp8lBits(body);
  // 3.4: the signature; the size; whether there is alpha; the version.
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
 * 3.5: each transform once at most.
 *
 * @returns the width of what is left (3.5.4: several indices in a pixel); undefined: too much to read
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

/** 3.5.1, 3.7.2.2: the side of a block is a power of two. */
function readBlocks(bits: Vp8lBits, width: number, height: number): [number, number] {
  const side = 2 ** (bits.read(3) + 2);
  return [Math.ceil(width / side), Math.ceil(height / side)];
}

/** 3.6.3. */
function readCacheBits(bits: Vp8lBits): number {
  if (bits.read(1) === 0) return 0;
  const cacheBits = bits.read(4);
  if (cacheBits < 1 || cacheBits > 11) throw notWhole("a colour cache of 1 to 11 bits");
  return cacheBits;
}

/** Reads pictures of one prefix code group each: a transform's, a palette, the entropy image. */
class ImageReader {
  readonly #bits: Vp8lBits;
  #left = mostPixels;

  constructor(bits: Vp8lBits) {
    this.#bits = bits;
  }

  /**
   * What is copied, or taken from the colour cache, has been a literal before: those alone tell the largest value.
   *
   * @returns the largest number of red (high byte) and green; undefined where the picture is too large to be read
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

/** 3.6.2.2: lengths and distances, with extra bits. */
function readExtended(bits: Vp8lBits, symbol: number): number {
  if (symbol < 4) return symbol + 1;
  const extraBits = (symbol - 2) >> 1;
  return (2 + (symbol & 1)) * 2 ** extraBits + bits.read(extraBits) + 1;
}
