/** Lets in a number of actions at once; the others wait in the order in which they came. */
export class Gate {
  readonly #capacity: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#inside >= this.#capacity) {
      // Whoever leaves hands on the place, so that nobody who comes meanwhile gets it.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#inside += 1;
    }
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#inside -= 1;
    }
  }
}
