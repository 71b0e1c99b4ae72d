/** The longest delay that Node's timers accept; they silently replace a longer one, or NaN, by 1 ms. */
export const longestTimerMs = 2_147_483_647;

/**
 * Bounds a delay to what Node's timers accept. The lint rule confml/timer-delay requires it for each computed delay.
 *
 * @returns 0 to 2^31 - 1 milliseconds
 * @throws RangeError for NaN
 */
export function timerMs(ms: number): number {
  if (Number.isNaN(ms)) throw new RangeError("expected a delay in milliseconds; got NaN");
  return Math.min(Math.max(0, ms), longestTimerMs);
}
