import type { LeakedSandbox } from "../../contract/lifecycle-errors.ts";
import { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";
import { deleteUntilGone } from "../lifecycle/delete-sandbox.ts";
import { findTwice, isGoingAway } from "../lifecycle/find-sandbox.ts";
import { readIdentity } from "../sandbox-identity.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import type { SetupRequest } from "./setup-request.ts";

const lookIntervalMs = 500;
const adoptedMeanwhile = new Error("Another call has adopted the sandbox");

/**
 * Takes back what a failed setup may have created, within a bound of its own. When the create answer was lost the sandbox may
 * appear late, so its name is watched for the whole time. Only a sandbox with this call's nonce is deleted.
 */
export async function undoCreate(
  transport: Transport,
  request: SetupRequest,
  created: SandboxRecord | undefined,
  timeoutMs: number,
): Promise<LeakedSandbox[]> {
  using deadline = Deadline.start("clean-up", timeoutMs);
  let last: SandboxRecord | undefined = created;
  try {
    last =
      created === undefined
        ? await watchForLateSandbox(transport, request, deadline.signal)
        : await findTwice(transport, created.id, deadline, Number.POSITIVE_INFINITY);
    if (last === undefined) return [];
    // Asked before each request to delete: what another call has adopted meanwhile is its sandbox now.
    const checkOwnership = (record: SandboxRecord): void => {
      last = record;
      if (!isOfThisCall(record, request)) throw adoptedMeanwhile;
    };
    checkOwnership(last);
    await deleteUntilGone(transport, last.id, deadline.signal, checkOwnership);
    return [];
  } catch (error) {
    if (error === adoptedMeanwhile) return [];
    // The failure of the setup is the one to report; what may be left is named beside it.
    return [{ id: last?.id, name: request.name, state: last?.providerState }];
  }
}

/** Undefined when the name is another sandbox's by now, so that a late creation of this call's would be refused. */
async function watchForLateSandbox(
  transport: Transport,
  request: SetupRequest,
  signal: AbortSignal,
): Promise<SandboxRecord | undefined> {
  for (;;) {
    const record = await transport.find(request.name, { signal }).catch(() => undefined);
    if (record !== undefined) {
      if (isOfThisCall(record, request)) return record;
      if (!isGoingAway(record)) return undefined;
    }
    await delay(lookIntervalMs, signal);
  }
}

function isOfThisCall(record: SandboxRecord, request: SetupRequest): boolean {
  return readIdentity(record.labels)?.nonce === request.identity.nonce;
}
