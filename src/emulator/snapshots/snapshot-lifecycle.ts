import type { StateDelaysMs } from "../emulator-options.ts";
import type { FaultInjector } from "../faults/fault-injector.ts";
import type { EmulatorClock } from "../state/emulator-clock.ts";
import { TransitionFailure } from "../state/transition-failure.ts";
import { Transitions } from "../state/transitions.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import type { StoredSnapshotState } from "./snapshot-record.ts";
import type { SnapshotStore } from "./snapshot-store.ts";

/** States that a snapshot only passes through. */
export type SnapshotPassage = Exclude<
  StoredSnapshotState,
  "active" | "inactive" | "error" | "build_failed"
>;

interface SnapshotLifecycleOptions {
  readonly store: SnapshotStore;
  readonly clock: EmulatorClock;
  readonly faults: FaultInjector;
  readonly delaysMs: StateDelaysMs;
}

const defaultDelayMs = 10;

/** Moves snapshots along Daytona's states. Whether a move is allowed is decided before, by the API. */
export class SnapshotLifecycle {
  readonly #options: SnapshotLifecycleOptions;
  readonly #transitions = new Transitions<SnapshotEntry>((entry, error) =>
    this.#fail(entry, error),
  );

  constructor(options: SnapshotLifecycleOptions) {
    this.#options = options;
  }

  /**
   * Runs what makes a snapshot, or makes it usable again, and then it is `active`. `work` enters the states on the way by
   * `pass`. What it throws becomes the snapshot's `error` (`build_failed` by a `TransitionFailure`) with its reason.
   *
   * @returns When it is over, well or not.
   */
  run(entry: SnapshotEntry, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    return this.#transitions.run(entry, async (signal) => {
      await work(signal);
      signal.throwIfAborted();
      entry.setState("active", this.#options.clock.now());
      await entry.save();
    });
  }

  /** Enters a state on the way, and stays in it as long as the options and the faults say. */
  async pass(entry: SnapshotEntry, state: SnapshotPassage, signal: AbortSignal): Promise<void> {
    const { clock, faults, delaysMs } = this.#options;
    signal.throwIfAborted();
    if (entry.record.state !== state) entry.setState(state, clock.now());
    await clock.sleep(delaysMs.snapshot ?? defaultDelayMs, signal);
    await faults.holdState(state, entry.subject, signal);
    const failure = faults.transitionFailure(state, entry.subject);
    if (failure) throw new TransitionFailure(failure);
  }

  activate(entry: SnapshotEntry): void {
    const { clock } = this.#options;
    entry.record.activatedAt = clock.now().toISOString();
    entry.setState("pending", clock.now());
    void this.run(entry, (signal) => this.pass(entry, "pending", signal));
  }

  /** The name stays taken until the files are gone. */
  delete(entry: SnapshotEntry): void {
    entry.setState("removing", this.#options.clock.now());
    void this.#transitions.run(entry, async (signal) => {
      await entry.save();
      await this.pass(entry, "removing", signal);
      await entry.deleteFiles();
      this.#options.store.remove(entry.id);
    });
  }

  /** Ends everything where it stands. */
  async close(): Promise<void> {
    await this.#transitions.close();
  }

  async #fail(entry: SnapshotEntry, error: unknown): Promise<void> {
    const failure = error instanceof TransitionFailure ? error : undefined;
    entry.record.errorReason = failure
      ? failure.errorReason
      : error instanceof Error
        ? error.message
        : String(error);
    entry.setState(failure?.to ?? "error", this.#options.clock.now());
    try {
      await entry.save();
    } catch {
      // Often the very failure that brought us here. Clients see it; only a restart of the emulator would not know it.
    }
  }
}
