import { SandboxNotFoundError } from "../../contract/lifecycle-errors.ts";
import { delay } from "../delay.ts";
import { retryIdempotent } from "../retry.ts";
import type { SandboxRecord, Transport, TransportCall } from "../transport.ts";

/** A provider that is briefly behind answers 404 for a sandbox that exists; two answers apart prove it. */
const secondLookDelayMs = 400;

/**
 * The sandbox, or undefined when the provider has proven that there is none: by saying so twice, as a rule. Failures that may
 * pass are repeated, as often as a call is by default.
 */
export async function findTwice(
  transport: Transport,
  idOrName: string,
  call: TransportCall,
  attempts?: number,
): Promise<SandboxRecord | undefined> {
  const find = () => retryIdempotent(() => transport.find(idOrName, call), call.signal, attempts);
  const first = await find();
  if (first !== undefined || transport.isNeverBehind === true) return first;
  await delay(secondLookDelayMs, call.signal);
  return find();
}

/** On its way to being deleted; `stopping` covers that and a stop, which are told apart by the provider's word. */
export function isGoingAway(record: SandboxRecord): boolean {
  return record.state === "deleted" || record.providerState.startsWith("destroy");
}

/** The error for a sandbox that is proven not to be there. */
export function sandboxNotFound(sandboxId: string, operation: string): SandboxNotFoundError {
  return new SandboxNotFoundError(
    `There is no sandbox ${sandboxId}: the provider has proven it. It was deleted, or is not within reach: with the key of another organisation, or in another folder of this machine, it looks the same.`,
    { operation, sandboxId },
  );
}

/** The sandbox with that ID. Providers also find by name; a name can mean another sandbox tomorrow, so it does not pass for an ID. */
export async function findById(
  transport: Transport,
  sandboxId: string,
  call: TransportCall,
): Promise<SandboxRecord> {
  const record = await findTwice(transport, sandboxId, call);
  if (record?.id !== sandboxId) throw sandboxNotFound(sandboxId, "reconnect");
  return record;
}
