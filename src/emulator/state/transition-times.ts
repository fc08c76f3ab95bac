import type { StateDelaysMs } from "../emulator-options.ts";
import type { EmulatorClock } from "./emulator-clock.ts";
import { TransitionFailure } from "./transition-failure.ts";

/** States that a sandbox only passes through. */
export type Passage =
  | "pending_build"
  | "building_snapshot"
  | "creating"
  | "starting"
  | "restoring"
  | "stopping"
  | "archiving"
  | "resizing"
  | "destroying"
  | "snapshotting";

const defaultDelayMs = 10;

const delayNames: { readonly [State in Passage]: keyof StateDelaysMs } = {
  pending_build: "pendingBuild",
  building_snapshot: "buildingSnapshot",
  creating: "creating",
  starting: "starting",
  restoring: "restoring",
  stopping: "stopping",
  archiving: "archiving",
  resizing: "resizing",
  destroying: "destroying",
  snapshotting: "snapshotting",
};

export function passDelayMs(delaysMs: StateDelaysMs, state: Passage): number {
  return delaysMs[delayNames[state]] ?? defaultDelayMs;
}

interface ServerTimeout {
  readonly minutes: number;
  readonly errorReason: string;
  readonly to?: "build_failed";
}

// Daytona v0.190 API, sandbox start action: after these the server gives up by itself.
const serverTimeouts: { readonly [State in Passage]?: ServerTimeout } = {
  building_snapshot: {
    minutes: 60,
    errorReason: "Timeout while building snapshot on runner",
    to: "build_failed",
  },
  creating: { minutes: 15, errorReason: "Timeout while creating sandbox" },
  starting: { minutes: 5, errorReason: "Timeout while starting sandbox" },
  restoring: { minutes: 30, errorReason: "Timeout while starting sandbox" },
};

/** When the server gives up on a state, and with which failure. Undefined: never. */
export function serverTimeout(
  state: Passage,
  clock: EmulatorClock,
): { readonly ms: number; readonly failure: TransitionFailure } | undefined {
  const timeout = serverTimeouts[state];
  if (timeout === undefined) return undefined;
  const { minutes, ...failure } = timeout;
  return { ms: clock.minutesToRealMs(minutes), failure: new TransitionFailure(failure) };
}
