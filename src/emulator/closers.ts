/** What has to be closed, in the order in which it was opened. */
export class Closers {
  readonly #closers: (() => void | Promise<void>)[] = [];
  #closing: Promise<void> | undefined;

  add(closer: () => void | Promise<void>): void {
    this.#closers.push(closer);
  }

  /** Closes everything, the last opened first. A failure does not keep the others from closing; it rejects at the end. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.toReversed()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "Closing failed");
  }
}
