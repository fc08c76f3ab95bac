/**
 * Runs tasks side by side. When one fails the others are aborted, and it rejects with the first failure once all of them have
 * ended: nothing of them goes on in the background.
 *
 * @param begin - Starts the tasks under the signal that it is given; those that there is nothing to do for are undefined.
 */
export async function runTogether(
  signal: AbortSignal,
  begin: (signal: AbortSignal) => readonly (Promise<unknown> | undefined)[],
): Promise<void> {
  const stop = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  const tasks = begin(AbortSignal.any([signal, stop.signal])).map(async (task) => {
    try {
      await task;
    } catch (error) {
      failure ??= { error };
      stop.abort(error);
    }
  });
  await Promise.all(tasks);
  if (failure !== undefined) throw failure.error;
}
