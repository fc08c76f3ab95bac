import type { SandboxRecord, StoredState } from "./sandbox-record.ts";

/**
 * The state that a client sees: partly derived from what the sandbox is and what it shall become.
 *
 * Daytona v0.190 API, sandbox DTOs: a list item of an archived sandbox that is being started says `restoring`, while
 * the single sandbox still says `archived`.
 */
export function shownState(
  { state, desiredState }: SandboxRecord,
  form: "single" | "list-item",
): StoredState {
  if (state === "started" && desiredState === "stopped") return "stopping";
  if ((state === "started" || state === "stopped") && desiredState === "destroyed")
    return "destroying";
  if (state === "stopped" && desiredState === "started") return "starting";
  if (state === "stopped" && desiredState === "archived") return "archiving";
  if (state === "unknown" && desiredState === "started") return "creating";
  if (state === "archived" && desiredState === "started" && form === "list-item")
    return "restoring";
  return state;
}
