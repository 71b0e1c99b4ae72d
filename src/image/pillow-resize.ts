import { setImmediate as nextTurn } from "node:timers/promises";
import { writeRgb, type Pixels } from "./pixels.js";
import { ResizeKernel, type Taps } from "./resize-kernel.js";

/**
 * Pillow's `resize(…, BILINEAR)` to the bit (ImagingResample in its Resample.c): a triangle filter whose width grows
 * with the scale, in fixed point, rounded to 8 bits after each of two passes. libvips' `linear` kernel only comes close:
 * with it probabilities change by more than a point, and two labels of nearly equal probability can change places.
 */

/** `32 - 8 - 2`: 8 bits for the sample, 2 for sums above 1. */
const precisionBits = 22;

/** After so many bytes of source rows, a few milliseconds of work, the event loop gets a turn. */
const bytesPerTurn = 2_000_000;

/**
 * A larger result is made in bands of so many bytes: a kernel needs 5 bytes of memory for each, and has 16 MiB with its
 * weights and source rows (`maximumMemory` in assembly/asconfig.json). An enclave counts all memory that WebAssembly
 * reserves.
 */
const bytesPerBand = 1_000_000;

/** A kernel whose memory has grown beyond this is not kept: the memory cannot shrink. */
const mostKeptBytes = 16_000_000;

/** Kernels that are not in use: never more than pictures have been decoded at one time. */
const idle: ResizeKernel[] = [];

/** A range of a resized picture's rows or columns. */
export interface Window {
  /** Rows or columns of the whole resized picture. */
  size: number;
  offset: number;
  length: number;
}

/**
 * Computes a window of the resized picture, and nothing outside it.
 *
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
