import { randomUUID } from "node:crypto";
import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SandboxLayers } from "./sandbox-layers.ts";

/**
 * Gives the sandbox the host's name servers, as they are now: the content and not the link, whose target is often below
 * `/run`, which the sandbox does not see. A file that the sandbox has changed is left alone.
 *
 * @param layers - Of a sandbox that nothing has mounted.
 * @param lastGiven - Where a copy of what was given is kept.
 */
export async function refreshResolverConfiguration(
  layers: SandboxLayers,
  lastGiven: string,
): Promise<void> {
  const current = await readIfPresent("/etc/resolv.conf");
  const given = await readIfPresent(lastGiven);
  if (current === undefined || current === given) return;
  if (given !== undefined) {
    const found = layers.find("etc", "resolv.conf");
    const content = found?.kind.isFile() ? await readIfPresent(found.path) : undefined;
    if (content !== given) return;
  }
  const etc = join(layers.own, "etc");
  const path = join(etc, "resolv.conf");
  // A rename replaces whatever has the name, and follows nothing.
  const temporary = join(etc, `.resolv-${randomUUID()}`);
  await writeFile(temporary, current, { encoding: "latin1", flag: "wx" });
  await chmod(temporary, 0o644);
  await rename(temporary, path);
  await writeFile(lastGiven, current, "latin1");
}

async function readIfPresent(path: string | Buffer): Promise<string | undefined> {
  try {
    return await readFile(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
