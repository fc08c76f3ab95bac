import { deleteUntilGone } from "../lifecycle/delete-sandbox.ts";
import { readIdentity } from "../sandbox-identity.ts";
import type { SandboxRecord, Transport, TransportCall } from "../transport.ts";
import type { SetupRequest } from "./setup-request.ts";

/**
 * Deletes the sandbox that holds this request's name when nothing can come of it any more: it is the same owner's, in an error, and
 * its provider does not offer to repair it. A host that died in its midst leaves such a one behind.
 *
 * @returns whether the name is free now.
 */
export async function replaceBroken(
  transport: Transport,
  record: SandboxRecord,
  { identity }: SetupRequest,
  call: TransportCall,
  onReplace: (record: SandboxRecord) => void,
): Promise<boolean> {
  if (!isBroken(record) || identity.owner === undefined) return false;
  if (readIdentity(record.labels)?.owner !== identity.owner) return false;
  onReplace(record);
  // Repaired or taken over by another host meanwhile, it is not this call's to delete.
  const checkStillBroken = (now: SandboxRecord): void => {
    if (now.state === "running") throw repaired;
  };
  try {
    await deleteUntilGone(transport, record.id, call.signal, checkStillBroken);
  } catch (error) {
    if (error !== repaired) throw error;
  }
  return true;
}

const repaired = new Error("The sandbox runs again");

function isBroken({ state, recoverable }: SandboxRecord): boolean {
  return state === "error" && !recoverable;
}
