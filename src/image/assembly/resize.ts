/**
 * The loops of pillow-resize.ts, in AssemblyScript: WebAssembly's vectors do in a fifth of the time what
 * JavaScript does byte by byte. Every number is what Pillow's ImagingResample (Resample.c) computes:
 * fixed point, rounded to 8 bits after each of two passes.
 *
 * Memory is the caller's to lay out; addresses are bytes. Rows come in order, each once, and are read up
 * to 13 bytes beyond their ends.
 */

/** `32 - 8 - 2`: 8 bits of picture, 2 for sums over 1. */
const precisionBits: i32 = 22;
const half: i32 = 1 << (precisionBits - 1);

/** One source row to the width of the window: `columns` pixels of 3 bytes at `target`. */
function narrowRow(
  source: usize,
  columns: i32,
  /** int32 for each column: the first source pixel that counts. */
  starts: usize,
  /** int32 for each column: how many do. */
  counts: usize,
  /** int32, `taps` for each column. */
  weights: usize,
  taps: i32,
  target: usize,
): void {
  for (let column: i32 = 0; column < columns; column++) {
    let from = source + load<i32>(starts + (column << 2)) * 3;
    let weight = weights + ((column * taps) << 2);
    const end = weight + (load<i32>(counts + (column << 2)) << 2);
    let sum = i32x4.splat(half);
    for (; weight < end; weight += 4, from += 3) {
      // Red, green, blue, and the next pixel's red, which is thrown away.
      const pixel = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from)));
      sum = i32x4.add(sum, i32x4.mul(pixel, v128.load32_splat(weight)));
    }
    const words = i32x4.shr_u(sum, precisionBits);
    const bytes = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(words, words), words);
    v128.store32_lane(target + column * 3, bytes, 0);
  }
}

/** Adds a row, times a weight, to the sums of an output row: `length` bytes, a multiple of 16. */
function addRow(row: usize, length: i32, weight: i32, sums: usize): void {
  const factor = i32x4.splat(weight);
  for (let at: i32 = 0; at < length; at += 16) {
    const bytes = v128.load(row + at);
    const low = i16x8.extend_low_i8x16_u(bytes);
    const high = i16x8.extend_high_i8x16_u(bytes);
    const to = sums + (at << 2);
    v128.store(to, i32x4.add(v128.load(to), i32x4.mul(i32x4.extend_low_i16x8_u(low), factor)));
    v128.store(
      to,
      i32x4.add(v128.load(to, 16), i32x4.mul(i32x4.extend_high_i16x8_u(low), factor)),
      16,
    );
    v128.store(
      to,
      i32x4.add(v128.load(to, 32), i32x4.mul(i32x4.extend_low_i16x8_u(high), factor)),
      32,
    );
    v128.store(
      to,
      i32x4.add(v128.load(to, 48), i32x4.mul(i32x4.extend_high_i16x8_u(high), factor)),
      48,
    );
  }
}

/** Before a picture's first row: every sum is what rounds it. */
export function begin(sums: usize, count: i32): void {
  const start = i32x4.splat(half);
  for (let at: i32 = 0; at < count; at += 4) v128.store(sums + (at << 2), start);
}

/** Source rows, one after the other, into the sums of all output rows that they count for. */
export function addRows(
  source: usize,
  /** Bytes from one source row to the next. */
  stride: i32,
  /** Numbers of the first of these rows, and of the one after the last. */
  firstRow: i32,
  endRow: i32,
  columns: i32,
  columnStarts: usize,
  columnCounts: usize,
  columnWeights: usize,
  columnTaps: i32,
  rows: i32,
  rowStarts: usize,
  rowCounts: usize,
  rowWeights: usize,
  rowTaps: i32,
  /** Room for one narrow row: `length` bytes, and 4. */
  narrow: usize,
  sums: usize,
  /** Bytes of a narrow row, rounded up to a multiple of 16. */
  length: i32,
): void {
  let first: i32 = 0;
  for (let row = firstRow; row < endRow; row++, source += stride) {
    narrowRow(source, columns, columnStarts, columnCounts, columnWeights, columnTaps, narrow);
    while (
      first < rows &&
      load<i32>(rowStarts + (first << 2)) + load<i32>(rowCounts + (first << 2)) <= row
    ) {
      first++;
    }
    // Output rows start at source rows that never go back.
    for (let output = first; output < rows; output++) {
      const start = load<i32>(rowStarts + (output << 2));
      if (start > row) break;
      const weight = load<i32>(rowWeights + ((output * rowTaps + row - start) << 2));
      addRow(narrow, length, weight, sums + ((output * length) << 2));
    }
  }
}

/** After the last row: sums to bytes, `rows` times `length` at `target`. */
export function finish(sums: usize, count: i32, target: usize): void {
  for (let at: i32 = 0; at < count; at += 16) {
    const from = sums + (at << 2);
    const low = i16x8.narrow_i32x4_s(
      i32x4.shr_u(v128.load(from), precisionBits),
      i32x4.shr_u(v128.load(from, 16), precisionBits),
    );
    const high = i16x8.narrow_i32x4_s(
      i32x4.shr_u(v128.load(from, 32), precisionBits),
      i32x4.shr_u(v128.load(from, 48), precisionBits),
    );
    v128.store(target + at, i8x16.narrow_i16x8_u(low, high));
  }
}
