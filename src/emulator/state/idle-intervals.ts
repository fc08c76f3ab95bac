import type { EmulatorClock } from "./emulator-clock.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { SandboxEntry } from "./sandbox-entry.ts";
import type { SandboxStore } from "./sandbox-store.ts";

// Daytona v0.190 API, sandbox manager: the checks run every ten seconds.
const checkEveryMs = 10_000;
const shortestCheckMs = 10;

/** Stops, archives and deletes sandboxes that were idle for longer than their intervals allow. */
export class IdleIntervals {
  readonly #store: SandboxStore;
  readonly #lifecycle: Lifecycle;
  readonly #clock: EmulatorClock;
  readonly #ticker: NodeJS.Timeout;

  constructor(store: SandboxStore, lifecycle: Lifecycle, clock: EmulatorClock) {
    this.#store = store;
    this.#lifecycle = lifecycle;
    this.#clock = clock;
    const everyMs = Math.max(shortestCheckMs, checkEveryMs / clock.scale);
    this.#ticker = setInterval(() => this.check(), everyMs);
  }

  check(): void {
    for (const entry of this.#store.all()) this.#checkEntry(entry);
  }

  /** As if `ms` had passed: the timestamps of all sandboxes move into the past. */
  age(ms: number): void {
    const older = (iso: string) => new Date(Date.parse(iso) - ms).toISOString();
    for (const { record } of this.#store.all()) {
      record.createdAt = older(record.createdAt);
      record.updatedAt = older(record.updatedAt);
      record.lastActivityAt = older(record.lastActivityAt);
      if (record.autoDestroyAt !== undefined) record.autoDestroyAt = older(record.autoDestroyAt);
    }
    this.check();
  }

  close(): void {
    clearInterval(this.#ticker);
  }

  #checkEntry(entry: SandboxEntry): void {
    const { record } = entry;
    const { state, desiredState, autoStopInterval, autoArchiveInterval, autoDeleteInterval } =
      record;
    if (state !== desiredState) return;
    const idle = (minutes: number) => this.#isOver(record.lastActivityAt, minutes);
    if (this.#isPastEnd(entry)) {
      this.#lifecycle.destroy(entry);
    } else if (state === "started" && autoStopInterval !== 0 && idle(autoStopInterval)) {
      this.#lifecycle.stop(entry, { force: false });
    } else if (state === "stopped" && autoDeleteInterval >= 0 && idle(autoDeleteInterval)) {
      this.#lifecycle.destroy(entry);
    } else if (state === "stopped" && idle(autoArchiveInterval)) {
      this.#lifecycle.archive(entry);
    }
  }

  #isOver(since: string, minutes: number): boolean {
    const idleMs = this.#clock.now().getTime() - Date.parse(since);
    return idleMs > this.#clock.minutesToRealMs(minutes);
  }

  #isPastEnd({ record: { createdAt, autoDestroyAt } }: SandboxEntry): boolean {
    if (autoDestroyAt === undefined) return false;
    const lifetimeMinutes = (Date.parse(autoDestroyAt) - Date.parse(createdAt)) / 60_000;
    return this.#isOver(createdAt, lifetimeMinutes);
  }
}
