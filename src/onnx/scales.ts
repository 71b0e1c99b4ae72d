/** What a value was over the calibration pictures. */
export interface Range {
  min: number;
  max: number;
}

export interface ActivationScale {
  scale: number;
  /** The code of 0, from 0 to 255. */
  zeroPoint: number;
}

/** Zero is among the values and has a code of its own: padding is zeros, and so is half of what a rectifier gives. */
export function activationScale({ min, max }: Range): ActivationScale {
  const low = Math.min(min, 0);
  const high = Math.max(max, 0);
  const scale = Math.fround((high - low) / 255) || 1;
  return { scale, zeroPoint: Math.min(255, Math.round(-low / scale)) };
}

export interface QuantizedWeight {
  /** From -127 to 127; as the weight's elements lie. */
  integers: Int8Array;
  /** For each output. */
  scales: Float32Array;
}

export interface WeightLayout {
  dims: readonly number[];
  /** The dimension that counts the outputs. */
  axis: number;
}

/** As many of an int8 as there are on both sides of zero. */
const limit = 127;

/**
 * Rounds weights to integers, for each output by its largest weight.
 *
 * @param smallestScales for each output; what its bias needs to be an integer, too
 * @throws RangeError for weights that are no numbers
 */
export function quantizeWeight(
  values: Float32Array,
  { dims, axis }: WeightLayout,
  smallestScales?: Float32Array,
): QuantizedWeight {
  const outputs = dims[axis] ?? 1;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outputOf = (index: number): number => Math.floor(index / inner) % outputs;
  const scales = new Float32Array(outputs);
  values.forEach((value, index) => {
    const output = outputOf(index);
    scales[output] = Math.max(scales[output] ?? 0, Math.abs(value));
  });
  if (!scales.every(Number.isFinite)) throw new RangeError("weights that are no numbers");
  scales.forEach((largest, output) => {
    scales[output] = Math.max(largest / limit, smallestScales?.[output] ?? 0) || 1;
  });
  const integers = Int8Array.from(values, (value, index) => {
    const integer = Math.round(value / (scales[outputOf(index)] ?? 1));
    // The scale itself was rounded to 32 bits.
    return Math.max(-limit, Math.min(limit, integer));
  });
  return { integers, scales };
}

/** What 0 is in `toUnsigned`. */
export const unsignedZero = 128;

export function toUnsigned(integers: Int8Array): Uint8Array {
  return Uint8Array.from(integers, (value) => value + unsignedZero);
}

const largestInt32 = 2 ** 31 - 1;

/** The weights' scales that leave room for a bias of 32 bits, which is counted in their product with the input's. */
export function smallestScalesFor(bias: Float32Array, inputScale: number): Float32Array {
  return bias.map((value) => Math.abs(value) / largestInt32 / inputScale);
}

export function quantizeBias(bias: Float32Array, scales: Float32Array): Int32Array {
  return Int32Array.from(bias, (value, output) => {
    const integer = Math.round(value / (scales[output] ?? 1));
    return Math.max(-largestInt32, Math.min(largestInt32, integer));
  });
}
