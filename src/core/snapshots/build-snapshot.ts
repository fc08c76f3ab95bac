import { AbortError, TimeoutError } from "../../contract/lifecycle-errors.ts";
import { ConnectionError, SnapshotError } from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import type { Snapshot } from "../../contract/snapshot.ts";
import { BuildLogFollower, withBuildLog } from "../builds/build-log-follower.ts";
import { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";
import { waitBeforeRetryMs } from "../retry.ts";
import { nameTaken } from "./name-taken.ts";
import type { PreparedBuild, SnapshotTransport } from "./snapshot-transport.ts";
import { findSnapshot, waitUntilActive } from "./wait-for-snapshot.ts";

const attempts = 5;
const operation = "snapshots.build";
const cleanupMs = 30_000;

interface Progress {
  /** Whether it may exist. */
  asked: boolean;
  last: Snapshot | undefined;
}

/**
 * Builds a snapshot and resolves when it can be used. One that fails is deleted again; one that nobody waits for any more may
 * still come, and the error says so.
 */
export async function buildSnapshot(
  snapshots: SnapshotTransport,
  name: string,
  build: PreparedBuild,
  onLog: ((text: string) => void) | undefined,
  deadline: Deadline,
): Promise<Snapshot> {
  const { signal } = deadline;
  const progress: Progress = { asked: false, last: undefined };
  let follower: BuildLogFollower | undefined;
  try {
    if ((await findSnapshot(snapshots, name, deadline)) !== undefined)
      throw nameTaken(operation, name);
    await ask(build, name, progress, deadline);
    const snapshot = await waitUntilActive(
      snapshots,
      {
        name,
        mayAppear: () => Promise.resolve(false),
        onLook: (seen) => {
          progress.last = seen;
          if (seen === undefined || follower !== undefined) return;
          const source = build.openLog(seen.id);
          if (source === undefined) return;
          follower = new BuildLogFollower(source, onLog);
          if (seen.state === "pending") follower.start(signal);
        },
      },
      deadline,
    );
    await follower?.finish(signal);
    return snapshot;
  } catch (error) {
    const tail = (await follower?.finish(signal)) ?? "";
    if (error instanceof SnapshotError && error.reason === "failed" && progress.last) {
      throw await failed(snapshots, progress.last, error, tail);
    }
    throw explain(error, name, progress, deadline);
  }
}

/** A lost answer is followed by another request: the name makes one snapshot of both. */
async function ask(
  build: PreparedBuild,
  name: string,
  progress: Progress,
  deadline: Deadline,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const mayExist = progress.asked;
    try {
      progress.asked = true;
      await build.request(name, deadline);
      return;
    } catch (error) {
      deadline.throwIfEnded();
      const isOpen = error instanceof ConnectionError;
      if (!isOpen && !mayExist) progress.asked = false;
      if ((mayExist || isOpen) && (await build.isMade(name, deadline))) return;
      const mayPass = SandboxError.is(error) && error.retryable && attempt + 1 < attempts;
      if (!mayPass) throw error;
      await delay(waitBeforeRetryMs(error, attempt), deadline.signal);
    }
  }
}

/** Only what this call has made, and only when it has failed. */
async function failed(
  snapshots: SnapshotTransport,
  { id, name, message, providerState }: Snapshot,
  cause: SnapshotError,
  tail: string,
): Promise<SnapshotError> {
  using deadline = Deadline.start(operation, cleanupMs);
  const isDeleted = await snapshots.requestDelete(id, deadline).then(
    () => true,
    () => false,
  );
  const reason = (message ?? "The provider gave no reason").replace(/\.?$/, ".");
  const left = isDeleted
    ? "It is being deleted."
    : "It could not be deleted and holds its name until it is.";
  return new SnapshotError(
    withBuildLog(`Snapshot ${name} is in state ${providerState}. ${reason} ${left}`, tail),
    { operation, reason: "failed", snapshot: name, cause },
  );
}

function explain(
  error: unknown,
  name: string,
  { asked, last }: Progress,
  deadline: Deadline,
): unknown {
  if (deadline.reason === undefined || !asked) return deadline.reason ?? error;
  const left = `Snapshot ${name} was asked for (last seen: ${last?.providerState ?? "nothing"}) and may still come; \`snapshots.get\` tells.`;
  return deadline.reason instanceof TimeoutError
    ? new TimeoutError(`The build took longer than ${deadline.timeoutMs} ms. ${left}`, {
        operation,
        timeoutMs: deadline.timeoutMs,
      })
    : new AbortError(`The build was aborted. ${left}`, {
        operation,
        cause: deadline.reason.cause,
      });
}
