import { SandboxNotFoundError, SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { retryIdempotent } from "../retry.ts";
import { readIdentity, withoutCreator } from "../sandbox-identity.ts";
import type { SandboxRecord, Transport, TransportCall } from "../transport.ts";
import type { SetupRequest } from "./setup-request.ts";

/**
 * Takes over a sandbox that another `setup` has made for the same owner and purpose. Its creator may still be at work, and fail:
 * once the label no longer names a creator, its undo leaves the sandbox alone.
 *
 * @returns false when the sandbox went away meanwhile.
 * @throws {@link SandboxStateError} when it is not this request's to take.
 */
export async function adopt(
  transport: Transport,
  record: SandboxRecord,
  request: SetupRequest,
  call: TransportCall,
): Promise<boolean> {
  checkAdoption(record, request);
  const labels = withoutCreator(record.labels);
  if (labels === undefined) return true;
  try {
    await retryIdempotent(() => transport.replaceLabels(record.id, labels, call), call.signal);
    return true;
  } catch (error) {
    if (error instanceof SandboxNotFoundError) return false;
    throw error;
  }
}

function checkAdoption(record: SandboxRecord, request: SetupRequest): void {
  const theirs = readIdentity(record.labels);
  const { owner, fingerprint } = request.identity;
  const refuse = (reason: string): never => {
    throw new SandboxStateError(
      `The name ${record.name} is taken by sandbox ${record.id}, and it is not adopted: ${reason}`,
      { operation: "setup", sandboxId: record.id, providerState: record.providerState },
    );
  };
  if (theirs === undefined) refuse("it was not made by this library.");
  if (owner === undefined) refuse("set `owner` to say which sandboxes are yours.");
  if (theirs?.owner !== owner) refuse("it belongs to another owner.");
  if (theirs?.fingerprint !== fingerprint) {
    refuse(
      "it was made for another repository, branch, commit, working directory or source. Tear it down first, or use another `name`.",
    );
  }
}
