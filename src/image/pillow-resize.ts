import { setImmediate as nextTurn } from "node:timers/promises";
import { writeRgb, type Pixels } from "./pixels.js";
import { ResizeKernel, type Taps } from "./resize-kernel.js";

/**
 * Computes exactly the pixels of Pillow's `resize(…, BILINEAR)` (ImagingResample in Resample.c): a triangle filter whose
 * width grows with the scale, in fixed point, rounded to 8 bits after each of two passes. libvips' `linear` kernel only
 * approximates it: probabilities would change by more than a percentage point, and two labels of nearly equal
 * probability could change places.
 */

/** Fraction bits of the fixed-point weights: `32 - 8 - 2`, with 8 bits for the sample and 2 for sums above 1. */
const precisionBits = 22;

/** Bytes of source rows that are processed, in a few milliseconds, before the event loop may run other work. */
const bytesPerTurn = 2_000_000;

/**
 * Largest part of the result that is computed at once, in bytes; a larger result is computed in bands of rows. A kernel
 * needs 5 bytes of memory for each byte, and has at most 16 MiB, which must also hold its weights and source rows
 * (`maximumMemory` in assembly/asconfig.json). An enclave counts all memory that WebAssembly reserves.
 */
const bytesPerBand = 1_000_000;

/** A kernel whose memory has grown beyond this number of bytes is not kept, because the memory cannot shrink. */
const mostKeptBytes = 16_000_000;

/** Kernels for reuse. Their number is at most the largest number of pictures that were resized at one time. */
const idle: ResizeKernel[] = [];

/** A range of a resized picture's rows or columns. */
export interface Window {
  /** Number of rows or columns of the whole resized picture. */
  size: number;
  offset: number;
  length: number;
}

/**
 * Computes a window of the resized picture, and nothing outside it.
 *
 * @param pixels the whole source picture, of any number of channels
 * @returns `[rows.length, columns.length, 3]` bytes
 * @throws RangeError if memory cannot be allocated
 */
export async function resizeWindow(
  pixels: Pixels,
  columns: Window,
  rows: Window,
): Promise<Uint8Array> {
  const rowBytes = columns.length * 3;
  const rowsPerBand = Math.max(1, Math.floor(bytesPerBand / rowBytes));
  if (rows.length <= rowsPerBand) return resizeBand(pixels, columns, rows);
  const result = new Uint8Array(rowBytes * rows.length);
  for (let first = 0; first < rows.length; first += rowsPerBand) {
    const length = Math.min(rowsPerBand, rows.length - first);
    const band = { ...rows, offset: rows.offset + first, length };
    result.set(await resizeBand(pixels, columns, band), first * rowBytes);
    await nextTurn();
  }
  return result;
}

async function resizeBand(pixels: Pixels, columns: Window, rows: Window): Promise<Uint8Array> {
  const across = computeTaps(pixels.width, columns);
  const down = computeTaps(pixels.height, rows);
  const [firstColumn, endColumn] = span(across);
  const [firstRow, endRow] = span(down);
  const stride = (endColumn - firstColumn) * 3;
  const rowsPerTurn = Math.max(1, Math.floor(bytesPerTurn / stride));
  // The kernel gets only the part of each row that contributes.
  const columnTaps = { ...across, starts: across.starts.map((start) => start - firstColumn) };

  const kernel = idle.pop() ?? new ResizeKernel();
  const sourceBytes = Math.min(rowsPerTurn, endRow - firstRow) * stride;
  const resize = kernel.begin(columnTaps, down, sourceBytes);
  for (let row = firstRow; row < endRow; row += rowsPerTurn) {
    if (row > firstRow) await nextTurn();
    const count = Math.min(rowsPerTurn, endRow - row);
    resize.addRows({ first: row, count }, stride, (index, target) => {
      writeRgb(pixels, index, firstColumn, target);
    });
  }
  const result = resize.finish();
  if (kernel.memoryBytes <= mostKeptBytes) idle.push(kernel);
  return result;
}

/** @returns the first source position that contributes to any output position, and the one after the last */
function span({ starts, counts }: Taps): [number, number] {
  const last = starts.length - 1;
  return [starts[0] ?? 0, (starts[last] ?? 0) + (counts[last] ?? 0)];
}

/** Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`, for the window's positions only. */
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
    starts[position] = start;
    counts[position] = end - start;
    const triangle = (source: number): number =>
      Math.max(0, 1 - Math.abs((source - center + 0.5) / support));
    let sum = 0;
    for (let source = start; source < end; source += 1) sum += triangle(source);
    const first = position * width - start;
    for (let source = start; source < end; source += 1) {
      const weight = (triangle(source) / sum) * 2 ** precisionBits;
      weights[first + source] = Math.trunc(0.5 + weight);
    }
  }
  return { starts, counts, weights, width };
}
