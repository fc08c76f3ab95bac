import { lstatSync, readlinkSync } from "node:fs";
import { join, sep } from "node:path";
import { EngineError } from "../engine-error.ts";

/** Parts of the host's system that a sandbox sees, as its own to change. */
const ESSENTIAL = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc"];
const OPTIONAL = ["opt", "var/lib/dpkg", "var/lib/apt", "var/lib/rpm", "var/lib/pacman"];
/** The parts that programs of the host need to run. */
const PROGRAM_PARTS = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

export interface SystemDirectories {
  /** Directories to put an overlay over, relative to the root: `usr`, `etc`, … */
  readonly overlaid: readonly string[];
  /** Of `overlaid`, what programs need. */
  readonly programs: readonly string[];
  /** Links to copy, such as `bin` to `usr/bin`. */
  readonly links: ReadonlyMap<string, string>;
}

/**
 * Looks at which system directories this host has.
 *
 * @throws EngineError `ISOLATION_UNAVAILABLE` when the engine's own directory lies in one that every sandbox needs: an
 * overlay cannot hold its own upper layer, and the sandboxes would see each other.
 */
export function findSystemDirectories(engineDirectory: string): SystemDirectories {
  const links = new Map<string, string>();
  const overlaid: string[] = [];
  for (const name of [...ESSENTIAL, ...OPTIONAL]) {
    const path = join("/", name);
    const kind = lstatSync(path, { throwIfNoEntry: false });
    if (kind?.isSymbolicLink() && ESSENTIAL.includes(name)) {
      links.set(name, readlinkSync(path));
    } else if (kind?.isDirectory()) {
      const holdsEngine = `${engineDirectory}${sep}`.startsWith(`${path}${sep}`);
      if (holdsEngine && ESSENTIAL.includes(name)) {
        throw new EngineError(
          "ISOLATION_UNAVAILABLE",
          `the engine's directory is below ${path}, which every sandbox sees`,
        );
      }
      if (!holdsEngine) overlaid.push(name);
    }
  }
  return {
    overlaid,
    programs: overlaid.filter((name) => PROGRAM_PARTS.includes(name)),
    links,
  };
}
