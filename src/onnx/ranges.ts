import type { Range } from "./scales.js";

/** Finds the ranges of a model's values, picture by picture. */
export class RangeCollector {
  readonly #ranges = new Map<string, Range>();

  /** What a value was for one picture. */
  add(name: string, values: Float32Array): void {
    const range = this.#ranges.get(name) ?? { min: 0, max: 0 };
    for (const value of values) {
      if (value < range.min) range.min = value;
      if (value > range.max) range.max = value;
      if (Number.isNaN(value)) range.max = NaN;
    }
    this.#ranges.set(name, range);
  }

  /** Of the values that were numbers throughout. */
  ranges(): Map<string, Range> {
    return new Map(
      [...this.#ranges].filter(([, { min, max }]) => Number.isFinite(min) && Number.isFinite(max)),
    );
  }
}
