interface Movable {
  /** Ends the move that is under way; the next one replaces it. */
  transition: AbortController | undefined;
}

/** The moves of things that have states: one at a time for each, and a later one supersedes what is under way. */
export class Transitions<Entry extends Movable> {
  readonly #underWay = new Map<Entry, Promise<void>>();
  readonly #fail: (entry: Entry, error: unknown) => Promise<void>;

  /** @param fail - Told of a move that failed, unless it was superseded or the emulator is closing. */
  constructor(fail: (entry: Entry, error: unknown) => Promise<void>) {
    this.#fail = fail;
  }

  /** @returns When it is over, well or not. */
  run(entry: Entry, move: (signal: AbortSignal) => Promise<void>): Promise<void> {
    entry.transition?.abort();
    const controller = new AbortController();
    const { signal } = controller;
    entry.transition = controller;
    const before = this.#underWay.get(entry) ?? Promise.resolve();
    const task = before
      .then(() => move(signal))
      .catch(async (error: unknown) => {
        // Else the state is that of whoever came after.
        if (!signal.aborted) await this.#fail(entry, error);
      })
      .finally(() => {
        if (this.#underWay.get(entry) === task) this.#underWay.delete(entry);
      });
    this.#underWay.set(entry, task);
    return task;
  }

  isUnderWay(entry: Entry): boolean {
    return this.#underWay.has(entry);
  }

  /** Ends every move where it stands. */
  async close(): Promise<void> {
    for (const entry of this.#underWay.keys()) entry.transition?.abort();
    await Promise.all(this.#underWay.values());
  }
}
