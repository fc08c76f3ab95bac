import { QuotaError } from "../../contract/provider-errors.ts";
import { Deadline } from "../deadline.ts";
import { selectRecords } from "../provider/list-sandboxes.ts";
import { readIdentity } from "../sandbox-identity.ts";
import type { SandboxRecord, Transport, TransportCall } from "../transport.ts";
import { isGoingAway } from "./find-sandbox.ts";

/** The refusal is the news; what is said beside it may not hold it up for long. */
const lookTimeoutMs = 5_000;
const mostHolders = 20;
/** So many are named in the message. */
const mostNamed = 5;

/** The same error; one about a limit of the organisation with the sandboxes of this library that hold it. */
export async function namingHolders(
  error: unknown,
  transport: Transport,
  call: TransportCall,
): Promise<unknown> {
  if (!(error instanceof QuotaError) || error.scope !== "organization") return error;
  using deadline = Deadline.start("quota", lookTimeoutMs, call.signal);
  const records = await selectRecords(transport, {}, deadline).catch((): SandboxRecord[] => []);
  const all = records.filter((record) => record.state !== "archived" && !isGoingAway(record));
  if (all.length === 0) return error;
  const holders = all.slice(0, mostHolders).map(({ id, name, state, labels }) => ({
    id,
    name,
    owner: readIdentity(labels)?.owner,
    state,
  }));
  const named = holders
    .slice(0, mostNamed)
    .map(({ id, name, state }) => `${name} (${id}, ${state})`);
  const others = all.length - named.length;
  const { message, scope, retryable, cause } = error;
  return new QuotaError(
    `${message} Made by this library: ${named.join(", ")}${others > 0 ? ` and ${others} more` : ""}.`,
    { cause, scope, retryable, holders, holderCount: all.length },
  );
}
