import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../engine-error.ts";

const PROGRAM_DIRECTORIES = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"];
const PROGRAM_NAMES = ["unshare", "find", "perl"] as const;

export type SystemPrograms = Readonly<Record<(typeof PROGRAM_NAMES)[number], string>>;

/**
 * Absolute paths of the programs that the engine runs. They come from the system's own directories and not from `PATH`,
 * because some run with full privileges and because a sandbox must have them at the same place.
 *
 * @throws EngineError `ISOLATION_UNAVAILABLE` that names what is missing.
 */
export function findSystemPrograms(): SystemPrograms {
  const found = PROGRAM_NAMES.map((name) => [name, findSystemProgram(name)] as const);
  const missing = found.filter(([, path]) => path === undefined).map(([name]) => name);
  if (missing.length > 0) {
    throw new EngineError(
      "ISOLATION_UNAVAILABLE",
      `missing in ${PROGRAM_DIRECTORIES.join(", ")}: ${missing.join(", ")}`,
    );
  }
  return Object.fromEntries(found) as SystemPrograms;
}

/** Undefined when this machine does not have it. */
export function findSystemProgram(name: string): string | undefined {
  return PROGRAM_DIRECTORIES.map((directory) => join(directory, name)).find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
