import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { EngineModule } from "./local-engine-loader.ts";

/** What a name's files are older than when nobody can be waiting for them: a lock is held for a minute at the most. */
const forgottenAfterMs = 60 * 60_000;

/**
 * One sandbox for one name, among all processes of this machine: whoever makes a sandbox of a name, or decides about the one
 * there is, holds the name's lock. A sandbox's ID is its name and a random end, because a name can mean another one tomorrow.
 */
export class SandboxNames {
  readonly #directory: string;
  readonly #withLock: EngineModule["withLock"];

  private constructor(directory: string, withLock: EngineModule["withLock"]) {
    this.#directory = directory;
    this.#withLock = withLock;
  }

  static async open(directory: string, { withLock }: EngineModule): Promise<SandboxNames> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new SandboxNames(directory, withLock);
  }

  /** Runs an action while no other process, and no other call of this one, does so for that name. */
  exclusively<Value>(name: string, action: () => Promise<Value>): Promise<Value> {
    return this.#withLock(join(this.#directory, `${name}.lock`), action);
  }

  /** Removes what processes left here that were killed while they held a lock or waited for it. */
  async removeForgotten(): Promise<void> {
    for (const entry of await readdir(this.#directory)) {
      const path = join(this.#directory, entry);
      // Locks come and go: what is not there any more is no failure.
      const modifiedAtMs = await stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => undefined,
      );
      if (modifiedAtMs === undefined || Date.now() - modifiedAtMs < forgottenAfterMs) continue;
      await rm(path, { force: true });
    }
  }
}

const randomEnd = /-[0-9a-f]{8}$/;

export function newSandboxId(name: string): string {
  return `${name}-${randomBytes(4).toString("hex")}`;
}

/** Whether that is the ID of a sandbox of this name. Names of ours end in longer hashes, so none looks like an ID. */
export function isIdOfName(id: string, name: string): boolean {
  return id.replace(randomEnd, "") === name && id !== name;
}
