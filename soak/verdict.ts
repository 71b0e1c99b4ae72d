import { median } from "../bench/statistics.js";

/** A measurement of a process, and the number of requests before it. */
export interface Point {
  requests: number;
  value: number;
}

export interface Verdict {
  /** `settling`: it grew, but more and more slowly. `leaking`: it grew in every part at about the same rate. */
  kind: "level" | "settling" | "leaking";
  /** Medians of the four parts of the second half, in the values' unit. */
  parts: readonly number[];
  /** From the first part's median to the last one's. */
  growth: number;
  /** The same for each request between the middles of the two parts. */
  growthPerRequest: number;
  /** Growth that noise alone can cause: three standard errors of the difference of two parts' medians. */
  noise: number;
}

const partCount = 4;
/** Growth counts as ending where the last step is below this share of the first. */
const slowing = 0.5;
/** The standard deviation of normal noise divided by its median absolute deviation. */
const deviationsPerMad = 1.4826;
/** The standard error of a median divided by that of a mean, for normal noise. */
const medianEfficiency = 1.2533;
const confidence = 3;

/** The rule of `judgeGrowth`, for people. */
export const rule =
  `The second half of the requests is cut into ${partCount} parts. Their medians grow by no more than the tolerance ` +
  `or the noise: level. They grow in all ${partCount - 1} steps, and in the last by at least ${slowing} of the ` +
  "first: leaking. Else: settling.";

/**
 * Distinguishes a leak from a value that settles. A leak grows with the number of requests, so it grows in every part.
 * Caches and a heap that reaches its size grow more and more slowly, or once.
 *
 * @param tolerance growth over the second half that counts as none, in the values' unit
 * @throws RangeError for fewer than two points in a part
 */
export function judgeGrowth(points: readonly Point[], tolerance: number): Verdict {
  const last = points.at(-1)?.requests ?? 0;
  const half = points.filter(({ requests }) => requests >= last / 2);
  const perPart = Math.floor(half.length / partCount);
  if (perPart < 2) throw new RangeError(`${points.length} points are too few to judge`);
  // The earliest points that do not fill a part are left out.
  const rest = half.slice(half.length - perPart * partCount);
  const parts = Array.from({ length: partCount }, (_, part) =>
    rest.slice(part * perPart, (part + 1) * perPart),
  );
  const medians = parts.map((part) => median(part.map(({ value }) => value)));
  const middles = parts.map((part) => median(part.map(({ requests }) => requests)));
  const steps = medians.slice(1).map((value, index) => value - (medians[index] ?? 0));
  const growth = steps.reduce((sum, step) => sum + step, 0);
  const distance = Math.max(1, (middles.at(-1) ?? 0) - (middles[0] ?? 0));
  const noise = confidence * Math.SQRT2 * medianError(parts);
  const isLevel = growth <= Math.max(tolerance, noise);
  const stepTolerance = tolerance / (partCount - 1);
  const [first = 0] = steps;
  const isSteady =
    steps.every((step) => step > stepTolerance / 2) && (steps.at(-1) ?? 0) >= slowing * first;
  return {
    kind: isLevel ? "level" : isSteady ? "leaking" : "settling",
    parts: medians,
    growth,
    growthPerRequest: growth / distance,
    noise,
  };
}

/** The standard error of a part's median, from the residuals of all parts after removing each part's slope. */
function medianError(parts: readonly (readonly Point[])[]): number {
  const residuals = parts.flatMap((part) => {
    const slope = medianSlope(part);
    const leveled = part.map(({ requests, value }) => value - slope * requests);
    const middle = median(leveled);
    return leveled.map((value) => Math.abs(value - middle));
  });
  const deviation = deviationsPerMad * median(residuals);
  const count = Math.max(1, parts[0]?.length ?? 1);
  return (medianEfficiency * deviation) / Math.sqrt(count);
}

/** The Theil–Sen estimator: the median of the slopes between all pairs of points. */
function medianSlope(points: readonly Point[]): number {
  const slopes = points.flatMap((one, index) =>
    points
      .slice(index + 1)
      .filter(({ requests }) => requests !== one.requests)
      .map((other) => (other.value - one.value) / (other.requests - one.requests)),
  );
  return slopes.length === 0 ? 0 : median(slopes);
}
