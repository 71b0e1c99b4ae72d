/** Upper bounds of the duration histograms' buckets, in seconds. */
export const durationBuckets: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];

/**
 * Rounds a duration up to the bound of its bucket, so that the histogram's sum tells no more than the bucket.
 *
 * @param seconds above the last bound it stays at the last bound
 */
export function upToBucket(seconds: number): number {
  return durationBuckets.find((bound) => seconds <= bound) ?? durationBuckets.at(-1) ?? seconds;
}
