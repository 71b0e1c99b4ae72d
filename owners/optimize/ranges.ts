import type { Range } from "./scales.js";

/** Collects the minimum and maximum of a model's values over several pictures. 0 is always within the range. */
export class RangeCollector {
  readonly #ranges = new Map<string, Range>();

  /** @param values the elements of the value for one picture */
  add(name: string, values: Float32Array): void {
    const range = this.#ranges.get(name) ?? { min: 0, max: 0 };
    for (const value of values) {
      if (value < range.min) range.min = value;
      if (value > range.max) range.max = value;
      if (Number.isNaN(value)) range.max = NaN;
    }
    this.#ranges.set(name, range);
  }

  /** @returns the ranges of the values that were finite for every picture */
  ranges(): Map<string, Range> {
    return new Map(
      [...this.#ranges].filter(([, { min, max }]) => Number.isFinite(min) && Number.isFinite(max)),
    );
  }
}
