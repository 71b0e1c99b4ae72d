import { readFileSync } from "node:fs";

/** Rows and columns of a resized picture's window: which source positions count, and how much. */
export interface Taps {
  /** First source position of each output position; never less than the one before. */
  starts: Int32Array;
  counts: Int32Array;
  /** `width` weights for each output position. */
  weights: Int32Array;
  width: number;
}

/** What assembly/resize.ts exports. */
interface KernelExports {
  memory: WebAssembly.Memory;
  begin: (sums: number, count: number) => void;
  addRows: (
    source: number,
    stride: number,
    firstRow: number,
    endRow: number,
    columns: number,
    columnStarts: number,
    columnCounts: number,
    columnWeights: number,
    columnTaps: number,
    rows: number,
    rowStarts: number,
    rowCounts: number,
    rowWeights: number,
    rowTaps: number,
    narrow: number,
    sums: number,
    length: number,
  ) => void;
  finish: (sums: number, count: number, target: number) => void;
}

/** `make` puts it there: the same place from src/image and from dist/image. */
const compiledFile = new URL("../../dist/image/resize.wasm", import.meta.url);
const pageBytes = 65_536;
/** How far beyond a row's end vectors read or write. */
const slackBytes = 16;

const compiled: { module?: WebAssembly.Module } = {};

/**
 * One picture's resizing at a time, in a memory of its own: `begin`, all rows in order, `finish`.
 */
export class ResizeKernel {
  readonly #exports: KernelExports;
  #layout: Layout | undefined;

  constructor() {
    compiled.module ??= new WebAssembly.Module(readFileSync(compiledFile));
    const { exports } = new WebAssembly.Instance(compiled.module);
    if (!isKernel(exports)) throw new Error("resize.wasm is not what this was built with");
    this.#exports = exports;
  }

  get memoryBytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  /** @param sourceBytes the most that one call of `addRows` will bring */
  begin(columns: Taps, rows: Taps, sourceBytes: number): void {
    const layout = new Layout(columns, rows, sourceBytes);
    const { memory, begin } = this.#exports;
    const missing = layout.endAt - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
    layout.writeTaps(memory.buffer);
    this.#layout = layout;
    begin(layout.sumsAt, layout.resultBytes);
  }

  /**
   * @param rows their first number, and how many there are
   * @param stride bytes of a row, from column 0 of `columns.starts` on
   * @param write puts the row of a number into the kernel's memory
   */
  addRows(
    { first, count }: { first: number; count: number },
    stride: number,
    write: (row: number, target: Uint8Array) => void,
  ): void {
    const { columns, rows, ...at } = this.#begun();
    const { memory, addRows } = this.#exports;
    for (let index = 0; index < count; index += 1) {
      const target = new Uint8Array(memory.buffer, at.sourceAt + index * stride, stride);
      write(first + index, target);
    }
    addRows(
      at.sourceAt,
      stride,
      first,
      first + count,
      columns.starts.length,
      at.columnsAt.starts,
      at.columnsAt.counts,
      at.columnsAt.weights,
      columns.width,
      rows.starts.length,
      at.rowsAt.starts,
      at.rowsAt.counts,
      at.rowsAt.weights,
      rows.width,
      at.narrowAt,
      at.sumsAt,
      at.rowBytes,
    );
  }

  /** @returns `3 × columns × rows` bytes, interleaved, in a buffer of their own */
  finish(): Uint8Array {
    const { columns, rows, resultAt, resultBytes, rowBytes, sumsAt } = this.#begun();
    const { memory, finish } = this.#exports;
    finish(sumsAt, resultBytes, resultAt);
    const width = columns.starts.length * 3;
    const result = new Uint8Array(width * rows.starts.length);
    for (let row = 0; row < rows.starts.length; row += 1) {
      const source = new Uint8Array(memory.buffer, resultAt + row * rowBytes, width);
      result.set(source, row * width);
    }
    return result;
  }

  #begun(): Layout {
    if (this.#layout === undefined) throw new Error("rows before the beginning");
    return this.#layout;
  }
}

interface TapsPlace {
  starts: number;
  counts: number;
  weights: number;
}

/** Where everything lies in the kernel's memory, in bytes. */
class Layout {
  readonly columns: Taps;
  readonly rows: Taps;
  /** Bytes of a row of the window, rounded up to whole vectors. */
  readonly rowBytes: number;
  readonly resultBytes: number;
  readonly columnsAt: TapsPlace;
  readonly rowsAt: TapsPlace;
  readonly narrowAt: number;
  readonly sumsAt: number;
  readonly resultAt: number;
  readonly sourceAt: number;
  endAt = 0;

  constructor(columns: Taps, rows: Taps, sourceBytes: number) {
    this.columns = columns;
    this.rows = rows;
    this.rowBytes = roundUp(columns.starts.length * 3);
    this.resultBytes = this.rowBytes * rows.starts.length;
    this.columnsAt = this.#placeTaps(columns);
    this.rowsAt = this.#placeTaps(rows);
    this.narrowAt = this.#place(this.rowBytes);
    this.sumsAt = this.#place(this.resultBytes * 4);
    this.resultAt = this.#place(this.resultBytes);
    this.sourceAt = this.#place(sourceBytes);
  }

  writeTaps(memory: ArrayBufferLike): void {
    for (const [taps, at] of [
      [this.columns, this.columnsAt],
      [this.rows, this.rowsAt],
    ] as const) {
      new Int32Array(memory, at.starts).set(taps.starts);
      new Int32Array(memory, at.counts).set(taps.counts);
      new Int32Array(memory, at.weights).set(taps.weights);
    }
  }

  #placeTaps({ starts, counts, weights }: Taps): TapsPlace {
    return {
      starts: this.#place(starts.byteLength),
      counts: this.#place(counts.byteLength),
      weights: this.#place(weights.byteLength),
    };
  }

  #place(bytes: number): number {
    const at = this.endAt;
    this.endAt = roundUp(at + bytes + slackBytes);
    return at;
  }
}

/** To whole vectors of 16 bytes. */
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
