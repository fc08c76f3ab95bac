import { runQuietly } from "../processes/run-quietly.ts";

/**
 * Tells the file system that the directories made in this one have nothing to do with each other, so that it puts each in a part of the disk
 * of its own. ext4 looks at every file deleted from a part in the last minutes before it makes one there (`recently_deleted`, Linux
 * `fs/ext4/ialloc.c`): after a removal of some thousand files, half a millisecond for each new one that shares their part. A hint alone:
 * other file systems do not have it, and nothing depends on it.
 */
export async function spreadDirectories(path: string): Promise<void> {
  await runQuietly("chattr", "+T", "--", path);
}
