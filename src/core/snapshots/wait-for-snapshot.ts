import { SnapshotError } from "../../contract/provider-errors.ts";
import type { Snapshot } from "../../contract/snapshot.ts";
import { delay } from "../delay.ts";
import { retryIdempotent } from "../retry.ts";
import type { TransportCall } from "../transport.ts";
import type { SnapshotTransport } from "./snapshot-transport.ts";

const firstPollMs = 50;
const longestPollMs = 1_000;
/** A provider that is briefly behind does not know a snapshot that is there. */
const looksUntilMissing = 4;

export interface SnapshotWait {
  readonly name: string;
  /** Whether it may still appear: then its absence says nothing. */
  readonly mayAppear: () => Promise<boolean>;
  /** Told of each look; what it throws ends the wait. */
  readonly onLook?: (snapshot: Snapshot | undefined) => void;
}

/** Failures that may pass are repeated. */
export function findSnapshot(
  snapshots: SnapshotTransport,
  nameOrId: string,
  call: TransportCall,
): Promise<Snapshot | undefined> {
  return retryIdempotent(() => snapshots.find(nameOrId, call), call.signal);
}

/**
 * Looks at a snapshot until it is usable. Its state alone decides, never a log. One that turns out inactive is activated once.
 *
 * @throws {@link SnapshotError} when it failed, or does not appear.
 */
export async function waitUntilActive(
  snapshots: SnapshotTransport,
  { name, mayAppear, onLook }: SnapshotWait,
  call: TransportCall,
): Promise<Snapshot> {
  let pollMs = firstPollMs;
  let missing = 0;
  let hasActivated = false;
  for (;;) {
    const snapshot = await findSnapshot(snapshots, name, call);
    onLook?.(snapshot);
    switch (snapshot?.state) {
      case "active":
        return snapshot;
      case "error":
        throw failed(snapshot);
      case "inactive":
        if (!hasActivated) {
          hasActivated = true;
          await snapshots.requestActivation(snapshot.id, call);
        }
        break;
      case undefined:
        missing = (await mayAppear()) ? 0 : missing + 1;
        if (missing >= looksUntilMissing) throw neverAppeared(name);
        break;
      case "pending":
      case "removing":
      case "unknown":
        missing = 0;
        break;
    }
    await delay(pollMs, call.signal);
    pollMs = Math.min(longestPollMs, pollMs * 1.5);
  }
}

function failed({ name, message, providerState }: Snapshot): SnapshotError {
  const reason = (message ?? "The provider gave no reason").replace(/\.?$/, ".");
  return new SnapshotError(
    `Snapshot ${name} is in state ${providerState}. ${reason} It holds its name until it is deleted.`,
    { reason: "failed", snapshot: name },
  );
}

function neverAppeared(name: string): SnapshotError {
  return new SnapshotError(
    `There is no snapshot ${name}. Where one was asked for, its making has failed, and the provider does not say why.`,
    { reason: "failed", snapshot: name },
  );
}
