import { untilAborted } from "./delay.ts";

/** Runs one thing after the other, in the order in which they were asked for. A failure holds up nobody. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Rejects with the signal's reason when that comes before the turn; what has begun has to listen to the signal itself. */
  take<Value>(signal: AbortSignal, run: () => Promise<Value>): Promise<Value> {
    const before = this.#last;
    const turn = untilAborted(before, signal).then(run);
    // Both, because one that is given up while it waits must not let the next one overtake what runs.
    this.#last = Promise.allSettled([before, turn]);
    return turn;
  }
}
