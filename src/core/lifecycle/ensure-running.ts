import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import { namingHolders } from "./quota-holders.ts";
import { entrypointAdvice, errorState, pollSandbox, type WaitOptions } from "./wait-for-state.ts";

export interface EnsureRunningOptions extends WaitOptions {
  /** Whether a stopped or archived sandbox is started. */
  readonly start: boolean;
}

/** A sandbox that stops so often while it comes up will go on to do so. */
const mostStops = 3;
/** Looks may miss that it came up, and may be behind: only after this time are starts that led to nothing counted too. */
const patienceMs = 10_000;

/**
 * Brings a sandbox to `running` from whatever state it is in: starts a stopped one, waits for transitions, repairs an error
 * once when the provider offers it. Several hosts may do so at once; a refusal because another's change is under way is waited out.
 */
export function ensureRunning(
  transport: Transport,
  sandboxId: string,
  options: EnsureRunningOptions,
): Promise<SandboxRecord> {
  const naming = (error: unknown) => namingHolders(error, transport, options);
  let hasRecovered = false;
  let isComingUp = false;
  let stops = 0;
  let starts = 0;
  let firstStartAtMs = Number.POSITIVE_INFINITY;
  return pollSandbox(transport, sandboxId, options, async (record) => {
    switch (record.state) {
      case "running":
        return record;
      case "stopped":
      case "archived":
        if (record.becomingRunning) return undefined;
        if (isComingUp) stops++;
        isComingUp = false;
        if (
          stops >= mostStops ||
          (starts >= mostStops && performance.now() - firstStartAtMs > patienceMs)
        )
          throw stoppedByItself(record, options.operation);
        if (!options.start) throw notRunning(record, options.operation);
        if (await acceptConflict(() => transport.requestStart(sandboxId, options), naming)) {
          starts++;
          firstStartAtMs = Math.min(firstStartAtMs, performance.now());
        }
        return undefined;
      case "error":
        if (!record.recoverable || hasRecovered) throw errorState(record, options.operation);
        hasRecovered = true;
        await acceptConflict(() => transport.requestRecovery(sandboxId, options), naming);
        return undefined;
      case "deleted":
        throw errorState(record, options.operation);
      case "starting":
        isComingUp = true;
        return undefined;
      case "none":
      case "stopping":
      case "unknown":
        return undefined;
    }
  });
}

/**
 * The next poll tells what came of it, so a conflict with another's change and a passing failure are no end. A start that the
 * provider says has failed is none either: the error's reason, and whether it can be repaired, stand in the sandbox's state.
 *
 * @returns Whether the request was accepted.
 */
async function acceptConflict(
  request: () => Promise<void>,
  explain: (error: unknown) => Promise<unknown>,
): Promise<boolean> {
  try {
    await request();
    return true;
  } catch (error) {
    const isAboutState = error instanceof SandboxStateError;
    const mayPass = SandboxError.is(error) && error.retryable;
    if (!isAboutState && !mayPass) throw await explain(error);
    return false;
  }
}

export function notRunning(record: SandboxRecord, operation: string): SandboxStateError {
  return new SandboxStateError(
    `Sandbox ${record.id} is ${record.state} (${record.providerState}), and this needs it running. Start it with start() or reconnect().`,
    { operation, sandboxId: record.id, providerState: record.providerState },
  );
}

/** For a sandbox that was on its way up, or up, and that nobody of this call has stopped. */
export function stoppedByItself(
  { id, providerState }: Pick<SandboxRecord, "id"> & { readonly providerState: string | undefined },
  operation: string,
): SandboxStateError {
  return new SandboxStateError(
    `Sandbox ${id} has stopped as soon as it ran, and this call did not stop it. As a rule its first process has ended. ${entrypointAdvice}`,
    { operation, sandboxId: id, providerState, reason: "stopped-by-itself" },
  );
}
