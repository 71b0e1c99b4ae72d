import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Pillow's `resize(…, BILINEAR)` to the bit (ImagingResample in its Resample.c): a triangle filter as
 * wide as the scale asks for, in fixed point, rounded to 8 bits after each of two passes. libvips'
 * `linear` kernel comes close, but close moves probabilities by more than a point and can swap two
 * labels that the model holds for equally likely.
 */

/** `32 - 8 - 2`: 8 bits of picture, 2 for sums over 1. */
const precisionBits = 22;
const half = 1 << (precisionBits - 1);

/** Multiplications after which others get a turn: a few milliseconds of work. */
const workPerTurn = 4_000_000;

/** Part of a resized picture's rows or columns. */
export interface Window {
  /** Of the whole resized picture. */
  size: number;
  offset: number;
  length: number;
}

interface Taps {
  /** First source position of each output position. */
  starts: Int32Array;
  counts: Int32Array;
  /** `width` weights for each output position. */
  weights: Int32Array;
  width: number;
}

/**
 * Resizes a picture and cuts a window out of it, without making what lies outside.
 *
 * @param rgb `3 × width × height` bytes, interleaved
 * @returns `3 × columns.length × rows.length` bytes, interleaved
 */
export async function resizeWindow(
  rgb: Uint8Array,
  { width, height }: { width: number; height: number },
  columns: Window,
  rows: Window,
): Promise<Uint8Array> {
  const across = computeTaps(width, columns);
  const down = computeTaps(height, rows);
  const last = rows.length - 1;
  const firstRow = down.starts[0] ?? 0;
  const endRow = (down.starts[last] ?? 0) + (down.counts[last] ?? 0);

  const narrow = new Uint8Array(columns.length * 3 * (endRow - firstRow));
  await inTurns(endRow - firstRow, columns.length * 3 * across.width, (row) => {
    resizeRow(rgb, (firstRow + row) * width * 3, across, narrow, row * columns.length * 3);
  });
  const resized = new Uint8Array(columns.length * 3 * rows.length);
  await inTurns(rows.length, columns.length * 3 * down.width, (row) => {
    mixRows(narrow, columns.length * 3, firstRow, down, row, resized);
  });
  return resized;
}

/** `precompute_coeffs` and `normalize_coeffs_8bpc`, for the window's positions alone. */
function computeTaps(sourceSize: number, { size, offset, length }: Window): Taps {
  const scale = sourceSize / size;
  const support = Math.max(scale, 1);
  const width = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(length);
  const counts = new Int32Array(length);
  const weights = new Int32Array(length * width);
  for (let position = 0; position < length; position += 1) {
    const center = (offset + position + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(sourceSize, Math.trunc(center + support + 0.5));
    const triangle = Array.from({ length: end - start }, (_, tap) =>
      Math.max(0, 1 - Math.abs((tap + start - center + 0.5) / support)),
    );
    const sum = triangle.reduce((a, b) => a + b, 0);
    starts[position] = start;
    counts[position] = end - start;
    triangle.forEach((weight, tap) => {
      weights[position * width + tap] = Math.trunc(0.5 + (weight / sum) * 2 ** precisionBits);
    });
  }
  return { starts, counts, weights, width };
}

/** One row of the horizontal pass. Plain indexed loops: this is where the time goes. */
function resizeRow(
  source: Uint8Array,
  sourceAt: number,
  { starts, counts, weights, width }: Taps,
  target: Uint8Array,
  targetAt: number,
): void {
  for (let column = 0; column < starts.length; column += 1) {
    let from = sourceAt + (starts[column] ?? 0) * 3;
    let red = half;
    let green = half;
    let blue = half;
    const firstWeight = column * width;
    const endWeight = firstWeight + (counts[column] ?? 0);
    for (let at = firstWeight; at < endWeight; at += 1, from += 3) {
      const weight = weights[at] ?? 0;
      red += (source[from] ?? 0) * weight;
      green += (source[from + 1] ?? 0) * weight;
      blue += (source[from + 2] ?? 0) * weight;
    }
    const to = targetAt + column * 3;
    // Weights are of one sign and add up to 1, so nothing has to be clipped.
    target[to] = red >> precisionBits;
    target[to + 1] = green >> precisionBits;
    target[to + 2] = blue >> precisionBits;
  }
}

/** One row of the vertical pass. */
function mixRows(
  source: Uint8Array,
  rowBytes: number,
  firstRow: number,
  { starts, counts, weights, width }: Taps,
  row: number,
  target: Uint8Array,
): void {
  const start = ((starts[row] ?? 0) - firstRow) * rowBytes;
  const count = counts[row] ?? 0;
  for (let byte = 0; byte < rowBytes; byte += 1) {
    let sum = half;
    for (let tap = 0, from = start + byte; tap < count; tap += 1, from += rowBytes) {
      sum += (source[from] ?? 0) * (weights[row * width + tap] ?? 0);
    }
    target[row * rowBytes + byte] = sum >> precisionBits;
  }
}

/** Does something for each row, and lets the event loop have its turn now and then. */
async function inTurns(
  rows: number,
  workPerRow: number,
  action: (row: number) => void,
): Promise<void> {
  const rowsPerTurn = Math.max(1, Math.floor(workPerTurn / workPerRow));
  for (let row = 0; row < rows; row += 1) {
    if (row > 0 && row % rowsPerTurn === 0) await nextTurn();
    action(row);
  }
}
