import { Deadline } from "../../bounds/deadline.js";

/**
 * Runs tasks at the same time. If one fails, the others are aborted, and the first error is thrown once all have ended.
 *
 * @param signal aborts all
 */
export async function allOrNone<Item, Result>(
  items: readonly Item[],
  signal: AbortSignal,
  task: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const together = new Deadline(Infinity, signal);
  const running = items.map((item) => task(item, together.signal));
  try {
    return await Promise.all(running);
  } catch (error) {
    together.abort(error);
    await Promise.allSettled(running);
    throw error;
  } finally {
    together.end();
  }
}
