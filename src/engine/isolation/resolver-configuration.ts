import { randomUUID } from "node:crypto";
import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SandboxLayers } from "./sandbox-layers.ts";

/**
 * Gives the sandbox the host's name servers, as they are now: the content and not the link, whose target is often below
 * `/run`, which the sandbox does not see. A file that the sandbox has changed is left alone. Synchronous, as turns of the thread pool cost more
 * than to read and write so little.
 *
 * @param layers - Of a sandbox that nothing has mounted.
 * @param lastGiven - Where a copy of what was given is kept.
 */
export function refreshResolverConfiguration(layers: SandboxLayers, lastGiven: string): void {
  const current = readIfPresent("/etc/resolv.conf");
  const given = readIfPresent(lastGiven);
  if (current === undefined || current === given) return;
  if (given !== undefined) {
    const found = layers.find("etc", "resolv.conf");
    const content = found?.kind.isFile() ? readIfPresent(found.path) : undefined;
    if (content !== given) return;
  }
  const etc = join(layers.own, "etc");
  const path = join(etc, "resolv.conf");
  // A rename replaces whatever has the name, and follows nothing.
  const temporary = join(etc, `.resolv-${randomUUID()}`);
  writeFileSync(temporary, current, { encoding: "latin1", flag: "wx" });
  chmodSync(temporary, 0o644);
  renameSync(temporary, path);
  writeFileSync(lastGiven, current, "latin1");
}

function readIfPresent(path: string | Buffer): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
