import type { SandboxState } from "../../contract/status.ts";
import type { SandboxRecord } from "../../core/transport.ts";
import type { DaytonaSandbox } from "./daytona-sdk.ts";

/** Every state of Daytona's API (openapi, SandboxState); one that is not here is `unknown`, which is waited for. */
const states: Readonly<Record<string, SandboxState>> = {
  creating: "starting",
  pending_build: "starting",
  building_snapshot: "starting",
  pulling_snapshot: "starting",
  starting: "starting",
  restoring: "starting",
  resuming: "starting",
  resizing: "starting",
  snapshotting: "starting",
  forking: "starting",
  started: "running",
  stopping: "stopping",
  pausing: "stopping",
  archiving: "stopping",
  destroying: "stopping",
  stopped: "stopped",
  paused: "stopped",
  archived: "archived",
  error: "error",
  build_failed: "error",
  destroyed: "deleted",
  unknown: "unknown",
};

const builds: Readonly<Record<string, "running" | "failed">> = {
  pending_build: "running",
  building_snapshot: "running",
  build_failed: "failed",
};

function mapDaytonaState(state: string | undefined): SandboxState {
  return (state === undefined ? undefined : states[state]) ?? "unknown";
}

export function toSandboxRecord(sandbox: DaytonaSandbox): SandboxRecord {
  const state = mapDaytonaState(sandbox.state);
  return {
    id: sandbox.id,
    name: sandbox.name,
    state,
    providerState: sandbox.state ?? "(none)",
    message: sandbox.errorReason ?? undefined,
    // The single-sandbox answer says `archived` also while it is being restored; the desired state tells.
    becomingRunning: state !== "running" && sandbox.desiredState === "started",
    // Text of the Daytona v0.190 runner, which has no code for it.
    hasEndedEntrypoint: /entry ?point is long-running/i.test(sandbox.errorReason ?? ""),
    recoverable: sandbox.recoverable === true,
    labels: { ...sandbox.labels },
    build: builds[sandbox.state ?? ""],
    createdAt: dateOf(sandbox.createdAt),
    lastActivityAt: dateOf(sandbox.lastActivityAt),
    autoStopMinutes: sandbox.autoStopInterval,
  };
}

function dateOf(text: string | undefined): Date | undefined {
  const atMs = Date.parse(text ?? "");
  return Number.isNaN(atMs) ? undefined : new Date(atMs);
}
