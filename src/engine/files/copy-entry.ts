import { randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import {
  chmod,
  copyFile,
  lchown,
  lutimes,
  mkdir,
  readdir,
  readlink,
  rename,
  symlink,
} from "node:fs/promises";
import { fileError } from "./file-error.ts";
import { statEntry } from "./file-info.ts";
import { withOpenEntry } from "./open-entry.ts";
import { entryPath, O_PATH } from "./path-walker.ts";
import { removeEntry } from "./remove-entry.ts";

const OPEN_DIRECTORY = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const OPEN_FILE = O_PATH | constants.O_NOFOLLOW;

/**
 * Copies a file, link or directory with owner, mode and time. It grows under a name of its own and is renamed at the end,
 * so the destination is the old one or the new one, never a part.
 */
export async function copyEntry(source: Buffer, stats: Stats, destination: Buffer): Promise<void> {
  const slash = destination.lastIndexOf(0x2f);
  const directory = destination.subarray(0, slash).toString("latin1");
  const temporary = entryPath(directory, Buffer.from(`.moving-${randomUUID()}`));
  try {
    await copyTo(source, stats, temporary);
    await rename(temporary, destination);
  } catch (error) {
    const leftover = statEntry(temporary);
    if (leftover) await removeEntry(temporary, leftover, true);
    throw error;
  }
}

async function copyTo(source: Buffer, stats: Stats, destination: Buffer): Promise<void> {
  if (stats.isDirectory()) await copyDirectory(source, destination);
  else if (stats.isSymbolicLink())
    await symlink(await readlink(source, { encoding: "buffer" }), destination);
  else if (stats.isFile()) {
    // Through its descriptor: a link that takes the file's place meanwhile is not followed.
    await withOpenEntry(source, OPEN_FILE, (path) =>
      copyFile(path, destination, constants.COPYFILE_EXCL),
    );
  } else
    throw fileError("EXDEV", "rename", source.subarray(source.lastIndexOf(0x2f) + 1).toString());
  await lchown(destination, stats.uid, stats.gid);
  if (!stats.isSymbolicLink()) {
    await withOpenEntry(destination, OPEN_FILE, (path) => chmod(path, stats.mode & 0o7777));
  }
  await lutimes(destination, stats.atime, stats.mtime);
}

async function copyDirectory(source: Buffer, destination: Buffer): Promise<void> {
  await mkdir(destination, 0o700);
  await withOpenEntry(source, OPEN_DIRECTORY, (from) =>
    withOpenEntry(destination, OPEN_DIRECTORY, async (to) => {
      for (const name of await readdir(from, { encoding: "buffer" })) {
        const child = entryPath(from, name);
        const stats = statEntry(child);
        if (stats) await copyTo(child, stats, entryPath(to, name));
      }
    }),
  );
}
