/**
 * Runs a task for each item, several at a time, and hands the results over in the order of the items.
 *
 * @param jobs how many tasks run at once
 * @throws what a task or `onResult` throws first; no further task is started then
 */
export async function inOrder<Item, Result>(
  items: readonly Item[],
  jobs: number,
  task: (item: Item) => Promise<Result>,
  onResult: (result: Result, item: Item) => Promise<void>,
): Promise<void> {
  const running: { item: Item; result: Promise<Result> }[] = [];
  const handOver = async (): Promise<void> => {
    const first = running.shift();
    if (first !== undefined) await onResult(await first.result, first.item);
  };
  try {
    for (const item of items) {
      const result = task(item);
      // Its failure is thrown when its turn comes.
      result.catch(() => undefined);
      running.push({ item, result });
      if (running.length >= jobs) await handOver();
    }
    while (running.length > 0) await handOver();
  } finally {
    await Promise.allSettled(running.map(({ result }) => result));
  }
}
