import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import { errorState, pollSandbox, type WaitOptions } from "./wait-for-state.ts";

export interface EnsureRunningOptions extends WaitOptions {
  /** Whether a stopped or archived sandbox is started. */
  readonly start: boolean;
}

/**
 * Brings a sandbox to `running` from whatever state it is in: starts a stopped one, waits for transitions, repairs an error
 * once when the provider offers it. Several hosts may do so at once; a refusal because another's change is under way is waited out.
 */
export function ensureRunning(
  transport: Transport,
  sandboxId: string,
  options: EnsureRunningOptions,
): Promise<SandboxRecord> {
  let hasRecovered = false;
  return pollSandbox(transport, sandboxId, options, async (record) => {
    switch (record.state) {
      case "running":
        return record;
      case "stopped":
      case "archived":
        if (record.becomingRunning) return undefined;
        if (!options.start) throw notRunning(record, options.operation);
        await acceptConflict(() => transport.requestStart(sandboxId, options));
        return undefined;
      case "error":
        if (!record.recoverable || hasRecovered) throw errorState(record, options.operation);
        hasRecovered = true;
        await acceptConflict(() => transport.requestRecovery(sandboxId, options));
        return undefined;
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

/**
 * The next poll tells what came of it, so a conflict with another's change and a passing failure are no end. A start that the
 * provider says has failed is none either: the error's reason, and whether it can be repaired, stand in the sandbox's state.
 */
async function acceptConflict(request: () => Promise<void>): Promise<void> {
  try {
    await request();
  } catch (error) {
    const isAboutState = error instanceof SandboxStateError;
    const mayPass = SandboxError.is(error) && error.retryable;
    if (!isAboutState && !mayPass) throw error;
  }
}

export function notRunning(record: SandboxRecord, operation: string): SandboxStateError {
  return new SandboxStateError(
    `Sandbox ${record.id} is ${record.state} (${record.providerState}), and this needs it running. Start it with start() or reconnect().`,
    { operation, sandboxId: record.id, providerState: record.providerState },
  );
}
