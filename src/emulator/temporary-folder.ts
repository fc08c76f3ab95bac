import { lstat, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Isolation } from "../engine/engine-types.ts";
import { LocalEngine } from "../engine/local-engine.ts";
import { foldersOfTheDead, nameOfOwner } from "../engine/state/owned-folders.ts";

const prefix = "sandbox-backend-emulator-";

/**
 * A new folder for an emulator that was given none. First it takes away what emulators of killed processes have left: their
 * sandboxes run on, and nobody can know of them any more.
 */
export async function makeTemporaryFolder(isolation: Isolation): Promise<string> {
  for (const folder of await foldersOfTheDead(tmpdir(), prefix)) {
    if (await isOurs(folder)) await removeAbandoned(folder, isolation);
  }
  const folder = join(tmpdir(), `${prefix}${nameOfOwner()}`);
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

/** Removes the folder with all that is in it. The kernel may take a moment to let go of a sandbox's last mount. */
export async function removeTemporaryFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

/** The system's temporary folder is everybody's: what another user left there is not to be touched. */
async function isOurs(folder: string): Promise<boolean> {
  const info = await lstat(folder).catch(() => undefined);
  return info?.isDirectory() === true && info.uid === process.getuid?.();
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
  await removeTemporaryFolder(folder);
}
