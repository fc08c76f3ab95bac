import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DEVICES, OLD_ROOT_DIRECTORY, TOOLS_DIRECTORY } from "./mount-plan.ts";
import type { SystemDirectories } from "./system-directories.ts";

const DEVICE_LINKS: readonly (readonly [string, string])[] = [
  ["ptmx", "pts/ptmx"],
  ["fd", "/proc/self/fd"],
  ["stdin", "fd/0"],
  ["stdout", "fd/1"],
  ["stderr", "fd/2"],
];

/** Folders that every sandbox of an engine directory uses and none can change. */
export interface EngineFolders {
  /** The tree from which the engine runs the host's own programs: links, and names to mount on. */
  readonly tools: string;
  /** What `/dev` holds: links, and names to mount on. */
  readonly devices: string;
}

export async function layOutEngineFolders(
  engineDirectory: string,
  system: SystemDirectories,
): Promise<EngineFolders> {
  const tools = join(engineDirectory, "tools");
  for (const name of ["proc", ...system.programs]) {
    await mkdir(join(tools, name), { recursive: true, mode: 0o755 });
  }
  for (const [name, target] of system.links) await linkOnce(target, join(tools, name));
  const devices = join(engineDirectory, "devices");
  await mkdir(devices, { recursive: true, mode: 0o755 });
  for (const path of ["dev/pts", "dev/shm", OLD_ROOT_DIRECTORY, TOOLS_DIRECTORY]) {
    await mkdir(join(devices, path.slice("dev/".length)), { recursive: true, mode: 0o755 });
  }
  for (const name of DEVICES) await writeFile(join(devices, name), "", { mode: 0o644 });
  for (const [name, target] of DEVICE_LINKS) await linkOnce(target, join(devices, name));
  return { tools, devices };
}

async function linkOnce(target: string, path: string): Promise<void> {
  try {
    await symlink(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
