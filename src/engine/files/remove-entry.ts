import { constants, type Stats } from "node:fs";
import { readdir, rmdir, unlink } from "node:fs/promises";
import { hasCode } from "./file-error.ts";
import { statEntry } from "./file-info.ts";
import { withOpenEntry } from "./open-entry.ts";
import { entryPath, O_PATH } from "./path-walker.ts";

const OPEN_DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Removes a name, and with `recursive` what is below it. Every directory is opened before its names are used, so a
 * directory that is replaced by a link meanwhile leads nowhere.
 */
export async function removeEntry(entry: Buffer, stats: Stats, recursive: boolean): Promise<void> {
  if (!stats.isDirectory()) {
    await unlink(entry);
    return;
  }
  if (recursive) await withOpenEntry(entry, OPEN_DIRECTORY, removeChildren);
  await rmdir(entry);
}

async function removeChildren(directory: string): Promise<void> {
  for (const name of await readdir(directory, { encoding: "buffer" })) {
    const child = entryPath(directory, name);
    const stats = statEntry(child);
    if (!stats) continue;
    try {
      await removeEntry(child, stats, true);
    } catch (error) {
      // Somebody in the sandbox was faster.
      if (!hasCode(error, "ENOENT")) throw error;
    }
  }
}
