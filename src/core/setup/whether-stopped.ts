import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { stoppedByItself } from "../lifecycle/ensure-running.ts";
import { isGoingAway } from "../lifecycle/find-sandbox.ts";
import type { SandboxRecord, Transport, TransportCall } from "../transport.ts";

/**
 * What a failed setup is to report: when the sandbox that it has made is found stopped, that is why its steps failed, whatever
 * they say. The sandbox is about to be deleted, so it is asked for once, and no answer changes nothing.
 */
export async function whetherStopped(
  error: unknown,
  transport: Transport,
  created: SandboxRecord | undefined,
  call: TransportCall,
): Promise<unknown> {
  const isExplained = error instanceof SandboxStateError && error.reason !== undefined;
  if (created === undefined || isExplained || call.signal.aborted) return error;
  const record = await transport.find(created.id, call).catch(() => undefined);
  const hasStopped = record?.state === "stopped" || record?.state === "stopping";
  if (record === undefined || !hasStopped || isGoingAway(record)) return error;
  return Object.defineProperty(stoppedByItself(record, "setup"), "cause", {
    value: error,
    configurable: true,
  });
}
