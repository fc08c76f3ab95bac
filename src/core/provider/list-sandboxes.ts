import type { ListOptions, SandboxInfo } from "../../contract/provider.ts";
import { findTwice, isGoingAway } from "../lifecycle/find-sandbox.ts";
import { mapAtOnce } from "../map-at-once.ts";
import { retryIdempotent } from "../retry.ts";
import { ourLabels } from "../sandbox-identity.ts";
import type { SandboxRecord, Transport, TransportCall } from "../transport.ts";
import { toSandboxInfo } from "./sandbox-info.ts";

/** So many sandboxes are asked for at once. */
const confirmedAtOnce = 4;

type Selection = Pick<ListOptions, "owner" | "labels">;

/** The records that the provider lists, which may be behind. */
export async function selectRecords(
  transport: Transport,
  { owner, labels }: Selection,
  call: TransportCall,
): Promise<SandboxRecord[]> {
  const wanted = { ...labels, ...ourLabels(owner) };
  const listed = await retryIdempotent(() => transport.list(wanted, call), call.signal);
  // An old list may have labels that were replaced since; what it has is judged by the same rule again.
  return listed.filter((record) => record.state !== "deleted" && hasLabels(record, wanted));
}

export function hasLabels(
  record: SandboxRecord,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([key, value]) => record.labels[key] === value);
}

export async function listSandboxes(
  transport: Transport,
  options: ListOptions,
  call: TransportCall,
): Promise<SandboxInfo[]> {
  const listed = await selectRecords(transport, options, call);
  if (options.confirm !== true) return listed.map(toSandboxInfo);
  const wanted = { ...options.labels, ...ourLabels(options.owner) };
  const found = await mapAtOnce(listed, confirmedAtOnce, ({ id }) =>
    findTwice(transport, id, call),
  );
  return found.flatMap((record) =>
    record === undefined || isGoingAway(record) || !hasLabels(record, wanted)
      ? []
      : [toSandboxInfo(record)],
  );
}
