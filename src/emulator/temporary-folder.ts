import { lstat, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Isolation } from "../engine/engine-types.ts";
import { LocalEngine } from "../engine/local-engine.ts";
import { foldersOfTheDead, nameOfOwner } from "../engine/state/owned-folders.ts";

/**
 * A new folder for an emulator that was given none. First it takes away what emulators of killed processes have left: their
 * sandboxes run on, and nobody can know of them any more.
 */
export async function makeTemporaryFolder(isolation: Isolation): Promise<string> {
  const parent = join(tmpdir(), `sandbox-backend-emulators-${process.getuid?.() ?? "user"}`);
  await mkdir(parent, { mode: 0o700, recursive: true });
  const { uid } = await lstat(parent);
  if (uid !== process.getuid?.()) {
    throw new Error(
      `${parent} belongs to another user. Remove it, or give the emulator a directory.`,
    );
  }
  for (const folder of await foldersOfTheDead(parent)) await removeAbandoned(folder, isolation);
  const folder = join(parent, nameOfOwner());
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

/** Several emulators may do so at once; what one of them has removed is no failure of the other. */
async function removeAbandoned(folder: string, isolation: Isolation): Promise<void> {
  for (const each of new Set<Isolation>([isolation, "none"])) {
    const engine = await LocalEngine.open({ directory: folder, isolation: each });
    try {
      for (const sandbox of await engine.list()) await sandbox.delete();
    } finally {
      await engine.close();
    }
  }
  await rm(folder, { recursive: true, force: true });
}
