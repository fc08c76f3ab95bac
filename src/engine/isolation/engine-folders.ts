import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { HostPrivileges } from "./host-privileges.ts";
import { mirrorDirectories } from "./mirror-directories.ts";
import type { SystemDirectories } from "./system-directories.ts";

/** Folders that every sandbox of an engine directory uses and none can change. */
export interface EngineFolders {
  /** The tree from which the engine runs the host's own programs: links, and names to mount on. */
  readonly tools: string;
}

export async function layOutEngineFolders(
  engineDirectory: string,
  system: SystemDirectories,
  privileges: HostPrivileges,
): Promise<EngineFolders> {
  const tools = join(engineDirectory, "tools");
  for (const name of system.programs) {
    await mkdir(join(tools, name), { recursive: true, mode: 0o755 });
  }
  for (const [name, target] of system.links) await linkOnce(target, join(tools, name));
  if (!privileges.isMachineRoot) {
    mirrorDirectories(system.overlaid, join(engineDirectory, "mirror"));
  }
  return { tools };
}

async function linkOnce(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
