import { SandboxError } from "../../contract/sandbox-error.ts";
import { delay } from "../delay.ts";
import { backoffMs } from "../retry.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import { findTwice } from "./find-sandbox.ts";

const firstRetryMs = 100;
const longestRetryMs = 2_000;
/** Polls after which an accepted deletion that shows no effect is asked for again. */
const pollsUntilAskedAgain = 5;

/**
 * Deletes a sandbox and resolves when the provider has proven twice that it is gone.
 *
 * Providers refuse a deletion while a change is under way, so it is asked for again until the signal ends. Rejects with the
 * signal's reason, or with what can not pass (a wrong key, a missing right).
 */
export async function deleteUntilGone(
  transport: Transport,
  sandboxId: string,
  signal: AbortSignal,
  onState: (record: SandboxRecord) => void,
): Promise<void> {
  let pollsSinceAccepted = pollsUntilAskedAgain;
  for (let attempt = 0; ; attempt++) {
    if (pollsSinceAccepted >= pollsUntilAskedAgain) {
      pollsSinceAccepted = (await tryDelete(transport, sandboxId, signal))
        ? 0
        : pollsUntilAskedAgain;
    }
    // What is to be deleted costs money while it is there, so an outage is waited out as long as there is time.
    const record = await findTwice(transport, sandboxId, { signal }, Number.POSITIVE_INFINITY);
    if (record === undefined) return;
    onState(record);
    if (record.state === "deleted") return;
    if (record.state !== "stopping") pollsSinceAccepted++;
    await delay(backoffMs(attempt, firstRetryMs, longestRetryMs), signal);
  }
}

async function tryDelete(
  transport: Transport,
  sandboxId: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await transport.requestDelete(sandboxId, { signal });
    return true;
  } catch (error) {
    if (!SandboxError.is(error) || !error.retryable || signal.aborted) throw error;
    return false;
  }
}
