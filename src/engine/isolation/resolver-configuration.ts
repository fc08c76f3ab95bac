import { randomUUID } from "node:crypto";
import { chmod, lstat, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Gives the sandbox the host's name servers, as they are now: the content and not the link, whose target is often below
 * `/run`, which the sandbox does not see. A file that the sandbox has changed is left alone.
 *
 * @param etc - The upper layer of `/etc`, which nothing has mounted.
 * @param lastGiven - Where a copy of what was given is kept.
 */
export async function refreshResolverConfiguration(etc: string, lastGiven: string): Promise<void> {
  const current = await readIfPresent("/etc/resolv.conf");
  const path = join(etc, "resolv.conf");
  const given = await readIfPresent(lastGiven);
  if (current === undefined || current === given) return;
  if (given !== undefined && (await readRegularFile(path)) !== given) return;
  // A rename replaces whatever has the name, and follows nothing.
  const temporary = join(etc, `.resolv-${randomUUID()}`);
  await writeFile(temporary, current, { encoding: "latin1", flag: "wx" });
  await chmod(temporary, 0o644);
  await rename(temporary, path);
  await writeFile(lastGiven, current, "latin1");
}

async function readRegularFile(path: string): Promise<string | undefined> {
  try {
    if (!(await lstat(path)).isFile()) return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  return readIfPresent(path);
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
