import { readFileSync } from "node:fs";
import * as field from "./resize-parameters.js";

/** The source positions and weights of each row or column of a resized picture's window. */
export interface Taps {
  /** First source position of each output position; never less than the one before. */
  starts: Int32Array;
  /** Number of source positions of each output position. */
  counts: Int32Array;
  /** `width` fixed-point weights for each output position. */
  weights: Int32Array;
  width: number;
}

/** What assembly/resize.ts exports. `parameters` is the address of the struct of resize-parameters.ts. */
interface KernelExports {
  memory: WebAssembly.Memory;
  begin: (parameters: number) => void;
  addRows: (parameters: number, stride: number, firstRow: number, endRow: number) => void;
  finish: (parameters: number) => void;
}

/** The compiled kernel, which `make` writes. The path is the same from src/image and from dist/image. */
const compiledFile = new URL("../../dist/image/resize.wasm", import.meta.url);
const pageBytes = 65_536;
/** Number of bytes that vector instructions may read or write beyond the end of a row. */
const slackBytes = 16;

let compiledModule: WebAssembly.Module | undefined;

/**
 * An instance of the WebAssembly module with its own memory. It resizes one picture at a time; the memory grows to what
 * the largest picture needed and never shrinks.
 */
export class ResizeKernel {
  readonly #exports: KernelExports;

  /** @throws Error if resize.wasm is missing or lacks an export */
  constructor() {
    compiledModule ??= new WebAssembly.Module(readFileSync(compiledFile));
    const { exports } = new WebAssembly.Instance(compiledModule);
    if (!isKernel(exports)) {
      throw new Error("expected resize.wasm as built from this source; run `make`");
    }
    this.#exports = exports;
  }

  /** Size of the instance's memory, in bytes. */
  get memoryBytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  /**
   * Prepares the memory for a picture. What an earlier call returned must not be used any more.
   *
   * @param sourceBytes most bytes of source rows that one call of `addRows` will pass
   * @throws RangeError if the memory cannot grow
   */
  begin(columns: Taps, rows: Taps, sourceBytes: number): PictureResize {
    const layout = new Layout(columns, rows, sourceBytes);
    const { memory, begin } = this.#exports;
    const missing = layout.endAt - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
    layout.write(memory.buffer);
    begin(layout.parametersAt);
    return new PictureResize(this.#exports, layout);
  }
}

/** Resizes one picture: call `addRows` for all source rows in order, then `finish`. */
class PictureResize {
  readonly #exports: KernelExports;
  readonly #layout: Layout;

  constructor(exports: KernelExports, layout: Layout) {
    this.#exports = exports;
    this.#layout = layout;
  }

  /**
   * Adds source rows to the sums of the output rows to which they contribute.
   *
   * @param rows index of the first source row, and how many rows follow from it
   * @param stride bytes of a row, beginning with the source column to which 0 in `columns.starts` refers
   * @param write writes the source row with this index into `target`, a part of the kernel's memory
   */
  addRows(
    { first, count }: { first: number; count: number },
    stride: number,
    write: (row: number, target: Uint8Array) => void,
  ): void {
    const { sourceAt, parametersAt } = this.#layout;
    const { memory, addRows } = this.#exports;
    for (let index = 0; index < count; index += 1) {
      const target = new Uint8Array(memory.buffer, sourceAt + index * stride, stride);
      write(first + index, target);
    }
    addRows(parametersAt, stride, first, first + count);
  }

  /** @returns `3 × columns × rows` bytes, interleaved, in a new buffer */
  finish(): Uint8Array {
    const { columns, rows, resultAt, rowBytes, parametersAt } = this.#layout;
    const { memory, finish } = this.#exports;
    finish(parametersAt);
    const width = columns.starts.length * 3;
    const result = new Uint8Array(width * rows.starts.length);
    for (let row = 0; row < rows.starts.length; row += 1) {
      const source = new Uint8Array(memory.buffer, resultAt + row * rowBytes, width);
      result.set(source, row * width);
    }
    return result;
  }
}

interface TapsAddresses {
  starts: number;
  counts: number;
  weights: number;
}

/** The addresses in the kernel's memory, in bytes. */
class Layout {
  readonly columns: Taps;
  readonly rows: Taps;
  /** Bytes of a row of the window, rounded up to whole vectors. */
  readonly rowBytes: number;
  readonly parametersAt: number;
  readonly columnsAt: TapsAddresses;
  readonly rowsAt: TapsAddresses;
  readonly narrowAt: number;
  readonly sumsAt: number;
  readonly resultAt: number;
  readonly sourceAt: number;
  endAt = 0;

  constructor(columns: Taps, rows: Taps, sourceBytes: number) {
    this.columns = columns;
    this.rows = rows;
    this.rowBytes = roundUp(columns.starts.length * 3);
    const resultBytes = this.rowBytes * rows.starts.length;
    this.parametersAt = this.#allocate(field.parameterBytes);
    this.columnsAt = this.#allocateTaps(columns);
    this.rowsAt = this.#allocateTaps(rows);
    this.narrowAt = this.#allocate(this.rowBytes);
    this.sumsAt = this.#allocate(resultBytes * 4);
    this.resultAt = this.#allocate(resultBytes);
    this.sourceAt = this.#allocate(sourceBytes);
  }

  /** Writes the taps and the parameter struct. */
  write(memory: ArrayBufferLike): void {
    writeTaps(memory, this.columns, this.columnsAt);
    writeTaps(memory, this.rows, this.rowsAt);
    const view = new DataView(memory, this.parametersAt, field.parameterBytes);
    const set = (offset: number, value: number): void => {
      view.setInt32(offset, value, true);
    };
    set(field.columns, this.columns.starts.length);
    set(field.columnStartsAt, this.columnsAt.starts);
    set(field.columnCountsAt, this.columnsAt.counts);
    set(field.columnWeightsAt, this.columnsAt.weights);
    set(field.columnTaps, this.columns.width);
    set(field.rows, this.rows.starts.length);
    set(field.rowStartsAt, this.rowsAt.starts);
    set(field.rowCountsAt, this.rowsAt.counts);
    set(field.rowWeightsAt, this.rowsAt.weights);
    set(field.rowTaps, this.rows.width);
    set(field.rowBytes, this.rowBytes);
    set(field.sourceAt, this.sourceAt);
    set(field.narrowAt, this.narrowAt);
    set(field.sumsAt, this.sumsAt);
    set(field.resultAt, this.resultAt);
  }

  #allocateTaps({ starts, counts, weights }: Taps): TapsAddresses {
    return {
      starts: this.#allocate(starts.byteLength),
      counts: this.#allocate(counts.byteLength),
      weights: this.#allocate(weights.byteLength),
    };
  }

  /** @returns the address of newly allocated bytes, a multiple of 16 */
  #allocate(bytes: number): number {
    const at = this.endAt;
    this.endAt = roundUp(at + bytes + slackBytes);
    return at;
  }
}

function writeTaps(memory: ArrayBufferLike, taps: Taps, at: TapsAddresses): void {
  new Int32Array(memory, at.starts).set(taps.starts);
  new Int32Array(memory, at.counts).set(taps.counts);
  new Int32Array(memory, at.weights).set(taps.weights);
}

/** Rounds up to whole vectors of 16 bytes. */
function roundUp(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

function isKernel(exports: object): exports is KernelExports {
  return (
    "memory" in exports &&
    exports.memory instanceof WebAssembly.Memory &&
    ["begin", "addRows", "finish"].every((name) => name in exports)
  );
}
