import { ApiError, stateChangeInProgress } from "../http/api-error.ts";
import type { SandboxRecord } from "../state/sandbox-record.ts";

/** Which call is refused in which state, with the texts of the Daytona v0.190 API (sandbox service). */

export function checkStart(record: SandboxRecord): void {
  checkNotErrored(record);
  const { state, desiredState } = record;
  const onTheWayToArchive =
    desiredState === "archived" && (state === "stopped" || state === "archiving");
  if (isChanging(record) && !onTheWayToArchive) throw stateChangeInProgress();
  if (!["stopped", "archived", "archiving"].includes(state))
    throw new ApiError(400, "Sandbox is not in valid state");
}

export function checkStop(record: SandboxRecord): void {
  checkNotErrored(record);
  if (isChanging(record)) throw stateChangeInProgress();
  if (record.state !== "started") throw new ApiError(400, "Sandbox is not in a stoppable state");
}

export function checkArchive(record: SandboxRecord): void {
  checkNotErrored(record);
  if (isChanging(record)) throw stateChangeInProgress();
  if (record.state !== "stopped") throw new ApiError(400, "Sandbox is not stopped");
  if (record.autoDeleteInterval === 0)
    throw new ApiError(400, "Ephemeral sandboxes cannot be archived");
}

/** Refused while any change is under way, except that of a build which waits, and of archiving. */
export function checkDelete(record: SandboxRecord): void {
  const { state, desiredState } = record;
  const deletable = ["error", "build_failed", "pending_build"].includes(state);
  const archiving = desiredState === "archived";
  if (desiredState === "destroyed" || (isChanging(record) && !deletable && !archiving))
    throw stateChangeInProgress();
}

export function checkRecover(record: SandboxRecord): void {
  if (record.state !== "error" || !record.recoverable)
    throw new ApiError(400, "Sandbox is not in a recoverable state");
}

export function checkSnapshot(record: SandboxRecord): void {
  checkNotErrored(record);
  if (isChanging(record)) throw stateChangeInProgress();
  if (record.state !== "started" && record.state !== "stopped")
    throw new ApiError(400, "Sandbox must be started or stopped to create a snapshot");
}

export function checkPause(record: SandboxRecord): void {
  if (record.state !== "started")
    throw new ApiError(400, "Sandbox must be in started state to pause");
  if (isChanging(record)) throw stateChangeInProgress();
  throw new ApiError(422, "Pausing is not supported for this sandbox");
}

export function checkFork(record: SandboxRecord): void {
  if (record.state !== "started")
    throw new ApiError(400, "Sandbox must be in started state to fork");
  throw new ApiError(422, "Forking is not supported for this sandbox");
}

function isChanging({ state, desiredState }: SandboxRecord): boolean {
  return state !== desiredState;
}

function checkNotErrored({ state }: SandboxRecord): void {
  if (state === "error" || state === "build_failed")
    throw new ApiError(400, "Sandbox is in an errored state");
}
