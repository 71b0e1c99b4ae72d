/**
 * Runs an action for each item, in their order, with a limited number at a time.
 *
 * @param most largest number of actions at a time
 * @returns the results in the order of the items
 */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  action: (item: Item) => Promise<Result>,
  most = 2,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = items.entries();
  const work = async (): Promise<void> => {
    for (const [at, item] of waiting) results[at] = await action(item);
  };
  await Promise.all(Array.from({ length: most }, work));
  return results;
}
