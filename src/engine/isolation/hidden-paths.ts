import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { layerPart, type SandboxLayers } from "./sandbox-layers.ts";
import type { SystemDirectories } from "./system-directories.ts";

const run = promisify(execFile);
const SEARCHED = ["etc", "opt"];
const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/**
 * Paths, relative to the root, of what the host keeps from its own users in `/etc` and `/opt`: password hashes, private
 * keys, passwords of services. A sandbox runs as root of the machine or as the user who owns them, so it could read them.
 * What the sandbox has put there itself is not the host's and is left out.
 */
export async function findHiddenPaths(
  findProgram: string,
  system: SystemDirectories,
  layers: SandboxLayers,
): Promise<string[]> {
  const names = SEARCHED.filter((name) => system.overlaid.includes(name));
  const output = await findUnreadable(
    findProgram,
    names.map((name) => join("/", name)),
  );
  return output
    .split("\0")
    .filter((path) => path !== "")
    .map((path) => path.slice(1))
    .filter((path) => {
      const [name = "", ...below] = path.split("/");
      if (below.length === 0) return false;
      // What this process cannot read itself, as an ordinary user, the sandbox cannot either.
      if (!isReadable(Buffer.from(join("/", path), "latin1"))) return false;
      return layers.find(layerPart(name), Buffer.from(below.join("/"), "latin1")) === undefined;
    });
}

function isReadable(path: Buffer): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** NUL-separated absolute paths in which each character is a byte. */
async function findUnreadable(program: string, roots: readonly string[]): Promise<string> {
  const argv = [
    ...roots,
    "-xdev",
    "-mindepth",
    "1",
    ...["(", "-type", "d", "!", "-perm", "-005", "-print0", "-prune", ")"],
    ...["-o", "(", "!", "-type", "l", "!", "-type", "d", "!", "-perm", "-004", "-print0", ")"],
  ];
  const options = {
    encoding: "latin1" as const,
    env: { LC_ALL: "C" },
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  };
  try {
    return (await run(program, argv, options)).stdout;
  } catch (error) {
    // `find` also reports directories that this user cannot open with status 1; those are printed all the same.
    const { code, stdout } = error as { code?: unknown; stdout?: unknown };
    if (code === 1 && typeof stdout === "string") return stdout;
    throw error;
  }
}
