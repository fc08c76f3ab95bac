/**
 * Records whose files are no longer needed, as patterns of their names. They are removed by a start that goes to the sandbox
 * anyway, or at disposal.
 */
export class Acknowledgements {
  #patterns: string[] = [];

  /** @param startMayArrive - A start of the record was given up and may still arrive, so the claim stays and refuses it. */
  add(record: string, startMayArrive: boolean): void {
    if (startMayArrive) this.#patterns.push(`${record}.[!c]*`, `${record}.cmd`);
    else this.#patterns.push(`${record}.*`);
  }

  /** Takes as many as are worth a start's while: none, as long as there are few. */
  takeForStart(): string[] {
    return this.#patterns.length < fewestForStart ? [] : this.#patterns.splice(0, mostForStart);
  }

  takeAll(): string[] {
    return this.#patterns.splice(0);
  }

  /** Puts back what nobody knows to be removed. */
  putBack(patterns: readonly string[]): void {
    this.#patterns.push(...patterns);
  }
}

const fewestForStart = 8;
const mostForStart = 64;
