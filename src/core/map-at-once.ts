/** Maps values with at most so many calls at once; results are in the order of the values. The first failure rejects. */
export async function mapAtOnce<Value, Result>(
  values: readonly Value[],
  atOnce: number,
  run: (value: Value) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(values.length);
  const entries = values.entries();
  const work = async (): Promise<void> => {
    // One iterator for all workers: each takes what is next.
    for (const [index, value] of entries) results[index] = await run(value);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, values.length) }, work));
  return results;
}
