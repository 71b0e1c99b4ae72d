/** The median of several runs, and their range. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** @throws RangeError for no values */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new RangeError("the median of no values");
  return (lower + upper) / 2;
}

/**
 * The percentile by nearest rank: the smallest value that at least `share` of all values do not exceed.
 *
 * @param share above 0, at most 1
 * @throws RangeError for no values
 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new RangeError("a percentile of no values");
  return value;
}

/** @returns undefined for no values */
export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

export interface RoundValue {
  round: number;
  value: number;
}

/**
 * The ratio of `above` to `below`, computed for each round that has both: the speed of a machine changes from minute to
 * minute, so figures of different rounds are not comparable.
 */
export function ratioWithinRounds(
  above: readonly RoundValue[],
  below: readonly RoundValue[],
): Spread | undefined {
  const ratios = above.flatMap(({ round, value }) => {
    const other = below.find((candidate) => candidate.round === round);
    return other === undefined || other.value === 0 ? [] : [value / other.value];
  });
  return spread(ratios);
}

/**
 * Draws the times of independent requests (a Poisson process): the times between them are exponentially distributed.
 *
 * @param random returns numbers in [0, 1)
 * @returns milliseconds from the start, all before `seconds` are over
 */
export function poissonArrivals(
  ratePerSecond: number,
  seconds: number,
  random: () => number,
): number[] {
  const arrivals: number[] = [];
  const next = (): number => (-Math.log(1 - random()) / ratePerSecond) * 1000;
  for (let time = next(); time < seconds * 1000; time += next()) arrivals.push(time);
  return arrivals;
}

/**
 * Finds the highest rate for which `holds` is true, by bisection.
 *
 * @param steps the number of rates to try
 * @returns 0 where it is true for none of them
 */
export async function highestRate(
  { low, high, steps }: { low: number; high: number; steps: number },
  holds: (rate: number) => Promise<boolean>,
): Promise<number> {
  let best = 0;
  let [floor, ceiling] = [low, high];
  for (let step = 0; step < steps; step += 1) {
    const rate = (floor + ceiling) / 2;
    if (await holds(rate)) {
      best = rate;
      floor = rate;
    } else {
      ceiling = rate;
    }
  }
  return best;
}
