import type { LeakedSandbox } from "../../contract/lifecycle-errors.ts";
import { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";
import { deleteUntilGone } from "../lifecycle/delete-sandbox.ts";
import { readIdentity } from "../sandbox-identity.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import type { SetupRequest } from "./setup-request.ts";

const lookIntervalMs = 500;

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
    last ??= await watchForLateSandbox(transport, request, deadline.signal);
    await deleteUntilGone(transport, last.id, deadline.signal, (record) => {
      last = record;
    });
    return [];
  } catch {
    // The failure of the setup is the one to report; what may be left is named beside it.
    return [{ id: last?.id, name: request.name, state: last?.providerState }];
  }
}

async function watchForLateSandbox(
  transport: Transport,
  request: SetupRequest,
  signal: AbortSignal,
): Promise<SandboxRecord> {
  for (;;) {
    const record = await transport.find(request.name, { signal }).catch(() => undefined);
    if (record !== undefined && readIdentity(record.labels)?.nonce === request.identity.nonce) {
      return record;
    }
    await delay(lookIntervalMs, signal);
  }
}
