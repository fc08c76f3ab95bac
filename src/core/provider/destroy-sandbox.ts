import { SandboxStateError, TeardownError, TimeoutError } from "../../contract/lifecycle-errors.ts";
import type { DestroyOptions } from "../../contract/provider.ts";
import type { Deadline } from "../deadline.ts";
import { deleteUntilGone } from "../lifecycle/delete-sandbox.ts";
import { findTwice } from "../lifecycle/find-sandbox.ts";
import { readIdentity } from "../sandbox-identity.ts";
import type { SandboxRecord, Transport } from "../transport.ts";

/** Deletes a sandbox of the owner's, or any with `force`, and resolves when it is proven gone. */
export async function destroySandbox(
  transport: Transport,
  sandboxId: string,
  options: DestroyOptions,
  deadline: Deadline,
): Promise<void> {
  let last = await findTwice(transport, sandboxId, deadline);
  // Providers also find by name, which does not pass for an ID: it can mean another sandbox tomorrow.
  if (last?.id !== sandboxId) return;
  checkOwner(last, options);
  try {
    await deleteUntilGone(transport, sandboxId, deadline.signal, (record) => {
      last = record;
    });
  } catch (error) {
    if (!(deadline.reason instanceof TimeoutError)) throw error;
    const { name, providerState: state } = last;
    throw new TeardownError(
      `Sandbox ${sandboxId} is still there after ${deadline.timeoutMs} ms, in state ${state}. Call destroy() again to go on.`,
      { sandboxId, cause: error, retryable: true, leaked: [{ id: sandboxId, name, state }] },
    );
  }
}

function checkOwner(record: SandboxRecord, { owner, force }: DestroyOptions): void {
  if (force === true) return;
  const identity = readIdentity(record.labels);
  const refuse = (reason: string): never => {
    throw new SandboxStateError(
      `Sandbox ${record.id} (${record.name}) is not destroyed: ${reason} \`force: true\` destroys it all the same.`,
      { sandboxId: record.id, providerState: record.providerState },
    );
  };
  if (identity === undefined) refuse("it was not made by this library.");
  if (identity?.owner !== owner) {
    refuse(
      owner === undefined ? "it has an owner, and no `owner` was given." : "it is another owner's.",
    );
  }
}
