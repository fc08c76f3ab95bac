import { AbortError } from "../../contract/lifecycle-errors.ts";
import type { SandboxInfo } from "../../contract/provider.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import type { SweepOptions, SweepResult, SweepSkipReason } from "../../contract/sweep.ts";
import { Deadline } from "../deadline.ts";
import { leasedUntil } from "../lease/lease-label.ts";
import { deleteUntilGone } from "../lifecycle/delete-sandbox.ts";
import { findTwice, isGoingAway } from "../lifecycle/find-sandbox.ts";
import { mapAtOnce } from "../map-at-once.ts";
import { ourLabels } from "../sandbox-identity.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import { hasLabels, selectRecords } from "./list-sandboxes.ts";
import { toSandboxInfo } from "./sandbox-info.ts";

const defaultIdleMs = 86_400_000;
const sweptAtOnce = 4;
/** One that the provider does not let go must not take the time of the others. */
const longestDeletionMs = 60_000;

/** Deletes, or in a dry run only names, what nobody has used for a while. */
export async function sweepSandboxes(
  transport: Transport,
  options: SweepOptions,
  deadline: Deadline,
): Promise<SweepResult> {
  const dryRun = options.dryRun ?? true;
  const selected: SandboxInfo[] = [];
  const deleted: SandboxInfo[] = [];
  const skipped: { sandbox: SandboxInfo; reason: SweepSkipReason }[] = [];
  const failed: { sandbox: SandboxInfo; error: SandboxError }[] = [];

  const sweepOne = async (listed: SandboxRecord): Promise<void> => {
    // The list may be behind. What is decided on is what the provider says of this one sandbox, right before its deletion.
    const record = await findTwice(transport, listed.id, deadline);
    const sandbox = toSandboxInfo(record ?? listed);
    const reason = record === undefined ? "gone" : reasonToSkip(record, options);
    if (reason !== undefined) {
      skipped.push({ sandbox, reason });
      return;
    }
    selected.push(sandbox);
    if (dryRun) return;
    using bound = Deadline.start("sweep", longestDeletionMs, deadline.signal);
    await deleteUntilGone(transport, sandbox.id, bound.signal, () => undefined);
    deleted.push(sandbox);
  };

  const candidates = await selectRecords(transport, options, deadline);
  await mapAtOnce(candidates, sweptAtOnce, async (listed) => {
    try {
      await sweepOne(listed);
    } catch (error) {
      // Not for the end of the time: what was deleted by then is for the caller to know.
      if (deadline.reason instanceof AbortError || !SandboxError.is(error)) throw error;
      failed.push({ sandbox: toSandboxInfo(listed), error });
    }
  });
  return { dryRun, selected, deleted, skipped, failed };
}

function reasonToSkip(record: SandboxRecord, options: SweepOptions): SweepSkipReason | undefined {
  if (isGoingAway(record)) return "gone";
  if (!hasLabels(record, { ...options.labels, ...ourLabels(options.owner) })) return "other-owner";
  if (options.includeLeased !== true && leasedUntil(record.labels) !== undefined) return "leased";
  switch (record.state) {
    case "running":
      if (options.includeRunning !== true) return "running";
      break;
    case "starting":
    case "stopping":
    case "unknown":
    case "none":
      return "in-transition";
    case "stopped":
    case "archived":
      if (record.becomingRunning) return "in-transition";
      break;
    case "error":
    case "deleted":
      break;
  }
  const usedAt = record.lastActivityAt ?? record.createdAt;
  if (usedAt === undefined) return "age-unknown";
  const idleMs = options.idleMs ?? defaultIdleMs;
  return Date.now() - usedAt.getTime() < idleMs ? "recently-used" : undefined;
}
