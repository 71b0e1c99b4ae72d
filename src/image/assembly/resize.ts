/**
 * The loops of pillow-resize.ts in AssemblyScript: WebAssembly's vector instructions take a fifth of the time of
 * JavaScript that works byte by byte. Every number equals the one that Pillow's ImagingResample (Resample.c) computes:
 * fixed point, rounded to 8 bits after each of two passes.
 *
 * The caller lays out the memory and passes the address of the struct of resize-parameters.ts. Rows are added in order,
 * each once. Up to 13 bytes beyond the end of a row are read.
 */

import * as field from "../resize-parameters";

/** `32 - 8 - 2`: 8 bits for the sample, 2 for sums above 1. */
const precisionBits: i32 = 22;
const half: i32 = 1 << (precisionBits - 1);

/** Resizes the source row at `source` to the output's width, into the memory at `narrowAt`. */
function narrowRow(parameters: usize, source: usize): void {
  const columns = load<i32>(parameters, field.columns);
  const starts = load<usize>(parameters, field.columnStartsAt);
  const counts = load<usize>(parameters, field.columnCountsAt);
  const weights = load<usize>(parameters, field.columnWeightsAt);
  const taps = load<i32>(parameters, field.columnTaps);
  const target = load<usize>(parameters, field.narrowAt);
  for (let column: i32 = 0; column < columns; column++) {
    let from = source + load<i32>(starts + (column << 2)) * 3;
    let weight = weights + ((column * taps) << 2);
    const end = weight + (load<i32>(counts + (column << 2)) << 2);
    let sum = i32x4.splat(half);
    for (; weight < end; weight += 4, from += 3) {
      // Red, green and blue; the fourth lane holds the next pixel's red and is discarded.
      const pixel = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from)));
      sum = i32x4.add(sum, i32x4.mul(pixel, v128.load32_splat(weight)));
    }
    const words = i32x4.shr_u(sum, precisionBits);
    const bytes = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(words, words), words);
    v128.store32_lane(target + column * 3, bytes, 0);
  }
}

/** Adds a row, times a weight, to the sums of an output row. `length`: bytes, a multiple of 16. */
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

/**
 * Sets every sum to one half, which makes the final shift round to nearest. Called before the first row.
 *
 * @param parameters address of the struct of resize-parameters.ts
 */
export function begin(parameters: usize): void {
  const sums = load<usize>(parameters, field.sumsAt);
  const count = load<i32>(parameters, field.rows) * load<i32>(parameters, field.rowBytes);
  const start = i32x4.splat(half);
  for (let at: i32 = 0; at < count; at += 4) v128.store(sums + (at << 2), start);
}

/**
 * Adds source rows to the sums of all output rows to which they contribute. The rows are at `sourceAt`.
 *
 * @param parameters address of the struct of resize-parameters.ts
 * @param stride bytes from the start of one source row to the next
 * @param firstRow index of the first row
 * @param endRow index after the last row
 */
export function addRows(parameters: usize, stride: i32, firstRow: i32, endRow: i32): void {
  const rows = load<i32>(parameters, field.rows);
  const starts = load<usize>(parameters, field.rowStartsAt);
  const counts = load<usize>(parameters, field.rowCountsAt);
  const weights = load<usize>(parameters, field.rowWeightsAt);
  const taps = load<i32>(parameters, field.rowTaps);
  const length = load<i32>(parameters, field.rowBytes);
  const narrow = load<usize>(parameters, field.narrowAt);
  const sums = load<usize>(parameters, field.sumsAt);
  let source = load<usize>(parameters, field.sourceAt);
  let first: i32 = 0;
  for (let row = firstRow; row < endRow; row++, source += stride) {
    narrowRow(parameters, source);
    while (
      first < rows &&
      load<i32>(starts + (first << 2)) + load<i32>(counts + (first << 2)) <= row
    ) {
      first++;
    }
    // An output row never starts before the previous one, so the loop ends at the first one that starts after `row`.
    for (let output = first; output < rows; output++) {
      const start = load<i32>(starts + (output << 2));
      if (start > row) break;
      const weight = load<i32>(weights + ((output * taps + row - start) << 2));
      addRow(narrow, length, weight, sums + ((output * length) << 2));
    }
  }
}

/**
 * Converts the sums to bytes at `resultAt`. Called after the last row.
 *
 * @param parameters address of the struct of resize-parameters.ts
 */
export function finish(parameters: usize): void {
  const sums = load<usize>(parameters, field.sumsAt);
  const target = load<usize>(parameters, field.resultAt);
  const count = load<i32>(parameters, field.rows) * load<i32>(parameters, field.rowBytes);
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
