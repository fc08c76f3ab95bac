import { mkdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Activity is written down at most so often, as Daytona does. */
const markIntervalMs = 5_000;

/** When each sandbox was last used by a client of this library: the time of a file, which any process can set and read. */
export class SandboxActivity {
  readonly #directory: string;
  readonly #markedAtMs = new Map<string, number>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(directory: string): Promise<SandboxActivity> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return new SandboxActivity(directory);
  }

  /** For a sandbox that is about to be made: later marks change a time alone, which a full disk allows. */
  async begin(sandboxId: string): Promise<void> {
    await writeFile(this.#path(sandboxId), "", { mode: 0o600 });
  }

  async mark(sandboxId: string): Promise<void> {
    const now = Date.now();
    // A clock that was set back must not keep it from being written for as long.
    const sinceMarkedMs = Math.abs(now - (this.#markedAtMs.get(sandboxId) ?? 0));
    if (sinceMarkedMs < markIntervalMs) return;
    this.#markedAtMs.set(sandboxId, now);
    await utimes(this.#path(sandboxId), new Date(now), new Date(now)).catch(
      async (error: unknown) => {
        // Made by an earlier version, which wrote none.
        if ((error as NodeJS.ErrnoException).code === "ENOENT") await this.begin(sandboxId);
        else throw error;
      },
    );
  }

  async lastAt(sandboxId: string): Promise<Date | undefined> {
    return stat(this.#path(sandboxId)).then(
      ({ mtime }) => mtime,
      () => undefined,
    );
  }

  async forget(sandboxId: string): Promise<void> {
    this.#markedAtMs.delete(sandboxId);
    await rm(this.#path(sandboxId), { force: true });
  }

  #path(sandboxId: string): string {
    return join(this.#directory, sandboxId);
  }
}
