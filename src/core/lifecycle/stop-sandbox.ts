import { SandboxError } from "../../contract/sandbox-error.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import { errorState, pollSandbox, type WaitOptions } from "./wait-for-state.ts";

/** Stops a sandbox from whatever state it is in; one that is stopped or archived already is fine. */
export function stopSandbox(
  transport: Transport,
  sandboxId: string,
  options: WaitOptions,
): Promise<SandboxRecord> {
  return pollSandbox(transport, sandboxId, options, async (record) => {
    switch (record.state) {
      case "stopped":
      case "archived":
        return record.becomingRunning ? undefined : record;
      case "running":
        await transport.requestStop(sandboxId, options).catch((error: unknown) => {
          // Another change is under way; the next look tells what came of it.
          if (!SandboxError.is(error) || !error.retryable) throw error;
        });
        return undefined;
      case "error":
      case "deleted":
        throw errorState(record, options.operation);
      case "none":
      case "starting":
      case "stopping":
      case "unknown":
        return undefined;
    }
  });
}
