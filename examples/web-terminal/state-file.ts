import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { BackendRef } from "sandbox-backend";

/** All that a server needs to go on where the one before it stopped. */
export interface State {
  /** What a page's address must hold. */
  readonly token: string;
  readonly sandbox: BackendRef | undefined;
  /** The text that the sandbox is shown by. */
  readonly name: string | undefined;
  readonly terminal: TerminalState | undefined;
}

export interface TerminalState {
  readonly id: string;
  /** False: it was about to be made. */
  readonly isMade: boolean;
  /** Bytes of its output that were shown to a page. */
  readonly shownBytes: number;
}

/** Where the example keeps what outlives it, unless it is told otherwise. */
export function stateFolder(): string {
  const base = process.env.XDG_STATE_HOME ?? join(homedir(), ".local/state");
  return join(base, "sandbox-backend/web-terminal");
}

/** The state in a file that only its owner can read, since the token gives access to the terminal. */
export class StateFile {
  readonly path: string;
  #state: State;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, state: State) {
    this.path = path;
    this.#state = state;
  }

  static async open(path: string): Promise<StateFile> {
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text !== undefined) return new StateFile(path, JSON.parse(text) as State);
    const token = randomBytes(24).toString("base64url");
    const file = new StateFile(path, {
      token,
      sandbox: undefined,
      name: undefined,
      terminal: undefined,
    });
    await file.change({});
    return file;
  }

  get state(): State {
    return this.#state;
  }

  /** Resolves when the change is on disk. A crash leaves the old state or the new one. */
  change(change: Partial<State>): Promise<void> {
    this.#state = { ...this.#state, ...change };
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#write());
    return this.#writing;
  }

  async remove(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await rm(this.path, { force: true });
  }

  async #write(): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const next = `${this.path}.next`;
    await writeFile(next, `${JSON.stringify(this.#state, undefined, 2)}\n`, { mode: 0o600 });
    await rename(next, this.path);
  }
}
