/** Runs `use` for each item, at most `groupSize` at a time. */
export async function inGroups<Item>(
  items: readonly Item[],
  groupSize: number,
  use: (item: Item) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += groupSize) {
    await Promise.all(items.slice(start, start + groupSize).map(use));
  }
}
