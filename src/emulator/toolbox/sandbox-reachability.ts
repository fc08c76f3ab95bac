import type { EngineSandbox } from "../../engine/engine-types.ts";
import { DaemonError } from "../http/daemon-error.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";

/** The running sandbox, or what the proxy and the runner answer for one that does not run. */
export function reachableEngine(entry: SandboxEntry): EngineSandbox {
  const { record, engine, inside } = entry;
  const { state, id } = record;
  // Still running while it is being stopped.
  if (inside && (state === "started" || state === "stopping")) return inside;
  if (state === "archived" || state === "restoring") {
    throw refusal(400, "bad request: failed to get runner info: not found: Runner not found");
  }
  if (!engine || state === "destroying") {
    throw refusal(404, `not found: sandbox container not found: ${id}`);
  }
  throw refusal(
    400,
    "bad request: failed to resolve container IP after 3 attempts: no IP address found. Is the Sandbox started?",
  );
}

function refusal(status: 400 | 404, message: string): DaemonError {
  const code = status === 404 ? "NOT_FOUND" : "BAD_REQUEST";
  return new DaemonError({ status, code, message, source: "DAYTONA_PROXY" });
}
