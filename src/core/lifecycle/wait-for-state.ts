import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { delay } from "../delay.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import { findTwice, sandboxNotFound } from "./find-sandbox.ts";

export interface WaitOptions {
  readonly operation: string;
  readonly signal: AbortSignal;
  /** Told of each state that differs from the one before. */
  readonly onState?: ((record: SandboxRecord) => void) | undefined;
}

/** What to do about a sandbox that ends with its entry point. */
export const entrypointAdvice =
  "The entry point of its image must be a long-running command: let it end in `exec sleep infinity`, or leave it out.";

const firstPollMs = 50;
const longestPollMs = 1_000;

/** Calls `decide` with fresh records until it returns a value. A sandbox that is gone rejects. */
export async function pollSandbox<Value>(
  transport: Transport,
  sandboxId: string,
  options: WaitOptions,
  decide: (record: SandboxRecord) => Promise<Value | undefined>,
): Promise<Value> {
  let pollMs = firstPollMs;
  let lastState: string | undefined;
  for (;;) {
    const record = await findTwice(transport, sandboxId, options);
    if (record === undefined) throw sandboxNotFound(sandboxId, options.operation);
    if (record.providerState !== lastState) {
      lastState = record.providerState;
      options.onState?.(record);
    }
    const value = await decide(record);
    if (value !== undefined) return value;
    await delay(pollMs, options.signal);
    pollMs = Math.min(longestPollMs, pollMs * 1.5);
  }
}

export function errorState(record: SandboxRecord, operation: string): SandboxStateError {
  const { id, providerState, message, hasEndedEntrypoint } = record;
  const words = message === undefined ? "The provider gave no reason" : message;
  const text = `Sandbox ${id} is in state ${providerState}. ${words.replace(/\.?$/, ".")}`;
  const shared = { operation, sandboxId: id, providerState };
  return hasEndedEntrypoint === true
    ? new SandboxStateError(`${text} ${entrypointAdvice}`, {
        ...shared,
        reason: "entrypoint-ended",
      })
    : new SandboxStateError(text, shared);
}
