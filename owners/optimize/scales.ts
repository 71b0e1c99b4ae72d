/** Minimum and maximum of a value over the calibration pictures. */
export interface Range {
  min: number;
  max: number;
}

/** Quantisation of an activation: `value = (code - zeroPoint) × scale`, with codes from 0 to 255. */
export interface ActivationScale {
  scale: number;
  /** The code of 0. */
  zeroPoint: number;
}

/**
 * Computes the scale of a range, extended to include 0. 0 has an exact code, because padding and about half of a
 * rectifier's outputs are zeros.
 */
export function activationScale({ min, max }: Range): ActivationScale {
  const low = Math.min(min, 0);
  const high = Math.max(max, 0);
  const scale = Math.fround((high - low) / 255) || 1;
  return { scale, zeroPoint: Math.min(255, Math.round(-low / scale)) };
}

/** Quantisation of a weight: `value = integer × scale`. */
export interface QuantizedWeight {
  /** From -127 to 127, in the order of the weight's elements. */
  integers: Int8Array;
  /** One for each output. */
  scales: Float32Array;
}

export interface WeightLayout {
  dims: readonly number[];
  /** Index of the dimension that counts the outputs. */
  axis: number;
}

/** Largest absolute value, so that the range of an int8 is symmetric. */
const limit = 127;

/**
 * Quantises weights. The scale of an output follows from its largest weight.
 *
 * @param smallestScales lower bounds of the scales, one for each output: see `smallestScalesFor`
 * @throws RangeError for weights that are not finite
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
    // The scale was rounded to float32, so the result may exceed the limit.
    return Math.max(-limit, Math.min(limit, integer));
  });
  return { integers, scales };
}

/** The code of 0 in the result of `toUnsigned`. */
export const unsignedZero = 128;

/** Shifts signed integers by `unsignedZero`. */
export function toUnsigned(integers: Int8Array): Uint8Array {
  return Uint8Array.from(integers, (value) => value + unsignedZero);
}

const largestInt32 = 2 ** 31 - 1;

/** Computes the smallest weight scales for which the bias, in units of weight scale × input scale, fits into an int32. */
export function smallestScalesFor(bias: Float32Array, inputScale: number): Float32Array {
  return bias.map((value) => Math.abs(value) / largestInt32 / inputScale);
}

/** @param scales one for each output: weight scale × input scale */
export function quantizeBias(bias: Float32Array, scales: Float32Array): Int32Array {
  return Int32Array.from(bias, (value, output) => {
    const integer = Math.round(value / (scales[output] ?? 1));
    return Math.max(-largestInt32, Math.min(largestInt32, integer));
  });
}
