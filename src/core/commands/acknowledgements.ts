/** Records whose files are no longer needed. They are removed by a start that goes to the sandbox anyway, or at disposal. */
export class Acknowledgements {
  #records: string[] = [];

  add(record: string): void {
    this.#records.push(record);
  }

  /** Takes as many as are worth a start's while: none, as long as there are few. */
  takeForStart(): string[] {
    return this.#records.length < fewestForStart ? [] : this.#records.splice(0, mostForStart);
  }

  takeAll(): string[] {
    return this.#records.splice(0);
  }

  /** Puts back records of which nobody knows that they were removed. */
  putBack(records: readonly string[]): void {
    this.#records.push(...records);
  }
}

const fewestForStart = 8;
const mostForStart = 64;
