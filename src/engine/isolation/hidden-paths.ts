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
 * What the host keeps from its own users in `/etc` and `/opt`: password hashes, private keys, passwords of services. A sandbox runs as root
 * of the machine or as the user who owns them, so it could read them.
 */
export class HostSecrets {
  readonly #starter: ProgramStarter;
  readonly #findProgram: string;
  readonly #roots: readonly string[];
  /** A search that has not begun yet: it sees everything that was made secret before now. */
  #next: Promise<readonly string[]> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(starter: ProgramStarter, findProgram: string, system: SystemDirectories) {
    this.#starter = starter;
    this.#findProgram = findProgram;
    this.#roots = SEARCHED.filter((name) => system.overlaid.includes(name)).map((name) =>
      join("/", name),
    );
  }

  /**
   * Absolute paths, in which each character is a byte. One search at a time; those who ask during one share the one after it, so it sees
   * everything that was made secret before it was asked for.
   */
  search(): Promise<readonly string[]> {
    if (this.#next) return this.#next;
    const search = this.#last.then(() => {
      this.#next = undefined;
      return findUnreadable(this.#starter, this.#findProgram, this.#roots);
    });
    this.#next = search;
    this.#last = search.catch(() => undefined);
    return search;
  }
}

/**
 * Of those, the ones that a sandbox must not see, relative to the root. What the sandbox has put there itself is not the host's and is left
 * out.
 */
export function hiddenFrom(layers: SandboxLayers, secretPaths: readonly string[]): string[] {
  return secretPaths
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

async function findUnreadable(
  starter: ProgramStarter,
  program: string,
  roots: readonly string[],
): Promise<string[]> {
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
  if (exitCode === 0 || exitCode === 1) {
    return stdout
      .toString("latin1")
      .split("\0")
      .filter((path) => path !== "");
  }
  throw new EngineError(
    "SANDBOX_START_FAILED",
    `${program} ended with ${String(exitCode ?? signal)} while it looked for what the host keeps secret`,
  );
}
