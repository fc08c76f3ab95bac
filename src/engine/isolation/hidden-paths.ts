import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../engine-error.ts";
import type { ProgramStarter } from "../processes/program-starter.ts";
import { runForOutput } from "../processes/run-for-output.ts";
import { layerPart, type SandboxLayers } from "./sandbox-layers.ts";
import type { SystemDirectories } from "./system-directories.ts";

const SEARCHED = ["etc", "opt"];
const TIMEOUT_MS = 30_000;

/**
 * Paths, relative to the root, of what the host keeps from its own users in `/etc` and `/opt`: password hashes, private
 * keys, passwords of services. A sandbox runs as root of the machine or as the user who owns them, so it could read them.
 * What the sandbox has put there itself is not the host's and is left out.
 */
export async function findHiddenPaths(
  starter: ProgramStarter,
  findProgram: string,
  system: SystemDirectories,
  layers: SandboxLayers,
): Promise<string[]> {
  const names = SEARCHED.filter((name) => system.overlaid.includes(name));
  const output = await findUnreadable(
    starter,
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
async function findUnreadable(
  starter: ProgramStarter,
  program: string,
  roots: readonly string[],
): Promise<string> {
  const argv = [
    program,
    ...roots,
    "-xdev",
    "-mindepth",
    "1",
    ...["(", "-type", "d", "!", "-perm", "-005", "-print0", "-prune", ")"],
    ...["-o", "(", "!", "-type", "l", "!", "-type", "d", "!", "-perm", "-004", "-print0", ")"],
  ];
  const { exitCode, signal, stdout } = await runForOutput(starter, argv, { timeoutMs: TIMEOUT_MS });
  // `find` also reports directories that this user cannot open with status 1; those are printed all the same.
  if (exitCode === 0 || exitCode === 1) return stdout.toString("latin1");
  throw new EngineError(
    "SANDBOX_START_FAILED",
    `${program} ended with ${String(exitCode ?? signal)} while it looked for what the host keeps secret`,
  );
}
