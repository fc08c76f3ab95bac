import type { FaultInjector } from "./faults/fault-injector.ts";
import type { RequestLog } from "./http/request-log.ts";

/** A sandbox in the emulator's store, seen from outside the API. */
export interface EmulatedSandbox {
  readonly id: string;
  readonly name: string;
  readonly organizationId: string;
  /** As a client sees it. */
  readonly state: string;
  readonly desiredState: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly lastActivityAt: string;
}

/** A snapshot in the emulator's store, seen from outside the API. */
export interface EmulatedSnapshot {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** One of Daytona itself. */
  readonly general: boolean;
  readonly sourceSandboxId: string | undefined;
}

/** A volume in the emulator's store, seen from outside the API. */
export interface EmulatedVolume {
  readonly id: string;
  readonly name: string;
  readonly organizationId: string;
  readonly state: string;
}

/** A running Daytona emulator. */
export interface DaytonaEmulator extends AsyncDisposable {
  /** The API's URL, which ends in `/api`. */
  readonly url: string;
  /** The first key. */
  readonly apiKey: string;
  /** What a Daytona client reads from its environment to use this emulator. */
  readonly environment: {
    readonly DAYTONA_API_URL: string;
    readonly DAYTONA_API_KEY: string;
  };
  readonly faults: FaultInjector;
  readonly requests: RequestLog;
  /** All sandboxes that exist, those that are being destroyed too. */
  sandboxes(): EmulatedSandbox[];
  /** All snapshots that exist, those that are being removed too. */
  snapshots(): EmulatedSnapshot[];
  /** All volumes that exist, those that are being deleted too. */
  volumes(): EmulatedVolume[];
  /** Lets the idle intervals of all sandboxes age by this much, and acts on them at once. */
  advanceClock(ms: number): void;
  /**
   * Ends all requests and connections, deletes the sandboxes and volumes that this emulator made (unless `keepSandboxes`) and removes
   * a temporary folder. Idempotent.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
