/** A figure of several runs: the middle one, and how far the others lie from it. */
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
 * The nearest rank: the smallest value that at least `share` of all values do not exceed.
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
 * How many times `below` fits into `above`. A machine's speed drifts from minute to minute, so that only
 * figures of one round are divided by each other; rounds that lack one of the two do not count.
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
 * When requests arrive that know nothing of each other (a Poisson process): exponential times in between.
 *
 * @param random numbers from 0 to 1, without 1
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
 * Looks for the highest rate that holds, by halving.
 *
 * @returns 0 where none that was tried does
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
