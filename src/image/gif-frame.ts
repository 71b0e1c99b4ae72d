/** GIF89a: block introducers, the label of a graphic control extension (section 23), and bits of flag bytes. */
const extension = 0x21;
const imageDescriptor = 0x2c;
const trailer = 0x3b;
const graphicControl = 0xf9;
const transparencyFlag = 0x01;
const colourTableFlag = 0x80;
/** Most extensions before the first picture. Encoders write at most a few. */
const mostExtensions = 10_000;

/** Whether a file begins like a GIF (GIF89a, section 17): "GIF87a" or "GIF89a". */
export function isGif(file: Uint8Array): boolean {
  return Buffer.from("GIF8").equals(file.subarray(0, 4));
}

/**
 * Extracts the first picture of a GIF (GIF89a), with transparency switched off: libvips makes transparent pixels black,
 * Pillow gives them the palette's colour. The rest of the file is dropped, because the decoder would read it without
 * using it.
 *
 * @returns a GIF of one picture, or the file itself if it is truncated; undefined if no picture follows the header, if
 *   more than `mostExtensions` precede the picture, or if the picture does not cover the whole screen: libvips and
 *   Pillow fill the rest with different colours
 */
export function firstOpaqueFrame(file: Uint8Array): Uint8Array | undefined {
  const byteAt = (at: number): number => file[at] ?? 0;
  const wordAt = (at: number): number => byteAt(at) | (byteAt(at + 1) << 8);
  const tableBytes = (flags: number): number =>
    (flags & colourTableFlag) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1);
  /** Offset of the byte after the sub-blocks that begin at `start` (section 15). */
  const endOfBlocks = (start: number): number => {
    let at = start;
    while (at < file.length && byteAt(at) !== 0) at += 1 + byteAt(at);
    return at + 1;
  };
  const controls: number[] = [];
  // Section 18: the logical screen descriptor, whose flags at offset 10 tell the size of the colour table.
  let at = 13 + tableBytes(byteAt(10));
  for (let count = 1; byteAt(at) === extension; count += 1, at = endOfBlocks(at + 2)) {
    if (count > mostExtensions) return undefined;
    if (byteAt(at + 1) === graphicControl) controls.push(at + 3);
  }
  if (byteAt(at) !== imageDescriptor) return undefined;
  // Section 20: left, top, width, height.
  const coversScreen =
    wordAt(at + 1) === 0 &&
    wordAt(at + 3) === 0 &&
    wordAt(at + 5) >= wordAt(6) &&
    wordAt(at + 7) >= wordAt(8);
  if (!coversScreen) return undefined;
  // The descriptor, its colour table, the code size (section 22), the picture.
  const end = endOfBlocks(at + 10 + tableBytes(byteAt(at + 9)) + 1);
  // The decoder handles a truncated file.
  if (end > file.length) return file;
  const frame = new Uint8Array(end + 1);
  frame.set(file.subarray(0, end));
  frame[end] = trailer;
  for (const flags of controls) frame[flags] = (frame[flags] ?? 0) & ~transparencyFlag;
  return frame;
}
