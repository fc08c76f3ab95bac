import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Directories of this machine's control groups whose name has this text. Without a text, all that engines have made. */
export function controlGroupsNaming(text = "sandbox-engine-"): string[] {
  return controlGroupMounts().flatMap((directory) => search(directory, text));
}

function controlGroupMounts(): string[] {
  return readFileSync("/proc/self/mountinfo", "latin1")
    .split("\n")
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4] ?? "");
}

function search(directory: string, text: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => {
        const path = join(directory, name);
        return name.includes(text) ? [path] : search(path, text);
      });
  } catch {
    // Removed since the listing.
    return [];
  }
}
