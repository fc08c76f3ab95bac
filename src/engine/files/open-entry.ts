import { closeSync, openSync } from "node:fs";

/** Gives `use` the path `/proc/self/fd/N` of a name that was opened with these flags, and closes it afterwards. */
export async function withOpenEntry<T>(
  entry: Buffer,
  flags: number,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const descriptor = openSync(entry, flags);
  try {
    return await use(`/proc/self/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}
