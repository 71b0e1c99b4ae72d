import { describe, expect, test } from "@jest/globals";
import { ResizeKernel, type Taps } from "../../src/image/resize-kernel.js";
import * as parameters from "../../src/image/resize-parameters.js";

const half = 2 ** 21;
const one = 2 ** 22;

/** Taps whose starts, counts and weights all differ, so that no two fields of the struct are interchangeable. */
function taps(outputs: number, step: number, width: number): Taps {
  const positions = Array.from({ length: outputs }, (_, position) => position);
  const countOf = (position: number): number => 1 + (position % width);
  const weights = new Int32Array(outputs * width);
  for (const position of positions) {
    const count = countOf(position);
    for (let tap = 0; tap < count; tap += 1) {
      weights[position * width + tap] = Math.trunc((one * (tap + 1) * 2) / (count * (count + 1)));
    }
  }
  return {
    starts: Int32Array.from(positions, (position) => position * step),
    counts: Int32Array.from(positions, countOf),
    weights,
    width,
  };
}

function sourceSize({ starts, counts }: Taps): number {
  return (starts.at(-1) ?? 0) + (counts.at(-1) ?? 0);
}

/** One pass in plain JavaScript: the weighted sum of the samples of one output position, rounded to 8 bits. */
function sample(
  { starts, counts, weights, width }: Taps,
  output: number,
  at: (source: number) => number,
): number {
  let sum = half;
  for (let tap = 0; tap < (counts[output] ?? 0); tap += 1) {
    sum += (weights[output * width + tap] ?? 0) * at((starts[output] ?? 0) + tap);
  }
  return Math.min(255, Math.floor(sum / one));
}

function resizeInJavaScript(source: Uint8Array, columns: Taps, rows: Taps): Uint8Array {
  const sourceWidth = sourceSize(columns);
  const [width, height] = [columns.starts.length, rows.starts.length];
  return Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const channel = index % 3;
    const column = Math.floor(index / 3) % width;
    return sample(rows, Math.floor(index / 3 / width), (row) =>
      sample(
        columns,
        column,
        (position) => source[(row * sourceWidth + position) * 3 + channel] ?? 0,
      ),
    );
  });
}

describe("the resizing kernel", () => {
  test("has a parameter struct whose fields neither overlap nor leave the struct", () => {
    const { parameterBytes, ...fields } = parameters;
    const offsets = Object.values(fields).sort((a, b) => a - b);
    expect(offsets).toEqual(Array.from(offsets, (_, index) => index * 4));
    expect(parameterBytes).toBe(offsets.length * 4);
  });

  test("uses every field of its parameters where it belongs: it agrees with plain JavaScript", () => {
    const columns = taps(7, 3, 4);
    const rows = taps(5, 2, 3);
    const stride = sourceSize(columns) * 3;
    const height = sourceSize(rows);
    const source = Uint8Array.from(
      { length: stride * height },
      (_, at) => Math.imul(at + 1, 2_654_435_761) >>> 24,
    );
    const write = (row: number, target: Uint8Array): void => {
      target.set(source.subarray(row * stride, (row + 1) * stride));
    };
    const kernel = new ResizeKernel();
    const resize = kernel.begin(columns, rows, 4 * stride);
    for (let first = 0; first < height; first += 4) {
      resize.addRows({ first, count: Math.min(4, height - first) }, stride, write);
    }
    expect(resize.finish()).toEqual(resizeInJavaScript(source, columns, rows));
  });
});
