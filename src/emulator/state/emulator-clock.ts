import { setTimeout as delay } from "node:timers/promises";

/**
 * The clock of the sandboxes' idle intervals. A scale of 60 lets an hour of auto-stop pass in a minute. Timestamps stay
 * those of the real clock, so that a client can compare them with its own.
 */
export class EmulatorClock {
  readonly scale: number;

  constructor(scale: number) {
    this.scale = scale;
  }

  now(): Date {
    return new Date();
  }

  /** Real milliseconds that an interval of `minutes` takes. */
  minutesToRealMs(minutes: number): number {
    return (minutes * 60_000) / this.scale;
  }

  /** Resolves after `ms` real milliseconds; rejects when the signal aborts. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms > 0) await delay(ms, undefined, { signal });
    signal.throwIfAborted();
  }
}
