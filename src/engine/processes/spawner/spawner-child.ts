import { EngineError } from "../../engine-error.ts";
import type { EngineProcessExit } from "../../engine-types.ts";
import type { StartedProgram } from "../started-program.ts";

/** A program that the spawner started. */
export class SpawnerChild implements StartedProgram {
  readonly pid: number;
  readonly exited: Promise<EngineProcessExit>;
  /** Number of the group that it was started in. */
  readonly group: number | undefined;
  #hasEnded = false;
  #isReferenced = true;
  readonly #onChange: () => void;
  #resolve: (exit: EngineProcessExit) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  /** @param onChange - Called when `keepsHostAlive` may have changed. */
  constructor(pid: number, group: number | undefined, onChange: () => void) {
    this.pid = pid;
    this.group = group;
    this.#onChange = onChange;
    this.exited = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.exited.catch(() => undefined);
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get keepsHostAlive(): boolean {
    return this.#isReferenced && !this.#hasEnded;
  }

  unref(): void {
    this.#isReferenced = false;
    this.#onChange();
  }

  /** The spawner has told how it ended. */
  end(exit: EngineProcessExit): void {
    this.#hasEnded = true;
    this.#resolve(exit);
  }

  /** The spawner has gone, and with it the only parent that could have learnt it. */
  lose(): void {
    this.#hasEnded = true;
    this.#reject(
      new EngineError(
        "EXIT_UNKNOWN",
        `How process ${this.pid} ends cannot be known any more: the engine's spawner has gone`,
      ),
    );
  }
}
