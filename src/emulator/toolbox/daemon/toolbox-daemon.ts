import { setMaxListeners } from "node:events";

/** The daemon died, or was stopped, while it worked for a request: the proxy in front of it answers a bare 502. */
export class DaemonGone extends Error {
  override readonly name = "DaemonGone";
}

/**
 * The daemon process of a running sandbox. What it keeps in memory (sessions, PTYs) is lost when it ends; the next one knows
 * nothing of it.
 */
export class ToolboxDaemon {
  readonly #gone = new AbortController();
  readonly #answersFromMs: number;
  readonly #memory = new Map<object, unknown>();

  /** @param downMs - How long it takes before it answers at all. */
  constructor(downMs = 0) {
    this.#answersFromMs = performance.now() + downMs;
    setMaxListeners(0, this.gone);
  }

  /** Aborts when the daemon ends, also when the emulator closes. Whatever a route waits for must end with it. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  get isDown(): boolean {
    return this.gone.aborted || performance.now() < this.#answersFromMs;
  }

  /** What the daemon keeps of this kind, made when first asked for. */
  memory<Part>(Kind: new () => Part): Part {
    const known = this.#memory.get(Kind) as Part | undefined;
    if (known !== undefined) return known;
    const part = new Kind();
    this.#memory.set(Kind, part);
    return part;
  }

  /** The outcome of the work; rejects with DaemonGone as soon as the daemon ends. The work itself is not stopped by that. */
  async whileAlive<Result>(work: Result | Promise<Result>): Promise<Result> {
    let onGone: (() => void) | undefined;
    const death = new Promise<never>((_, reject) => {
      onGone = () => reject(new DaemonGone("The daemon ended"));
      if (this.gone.aborted) onGone();
      else this.gone.addEventListener("abort", onGone, { once: true });
    });
    try {
      return await Promise.race([work, death]);
    } finally {
      if (onGone) this.gone.removeEventListener("abort", onGone);
    }
  }

  end(): void {
    this.#gone.abort();
  }
}
