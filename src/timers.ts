/** Node's timers take a longer delay, and one that is not a number, for 1 ms. */
export const longestTimerMs = 2_147_483_647;

/**
 * A delay that a timer keeps, whatever it was computed from; the linter asks for it.
 *
 * @returns 0 to 2^31 - 1 milliseconds
 * @throws RangeError for what is not a number
 */
export function timerMs(ms: number): number {
  if (Number.isNaN(ms)) throw new RangeError("expected a delay in milliseconds; got NaN");
  return Math.min(Math.max(0, ms), longestTimerMs);
}
