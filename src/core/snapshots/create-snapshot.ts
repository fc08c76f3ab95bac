import { AbortError, SandboxStateError, TimeoutError } from "../../contract/lifecycle-errors.ts";
import { ConnectionError, SnapshotError } from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import type { Snapshot } from "../../contract/snapshot.ts";
import { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";
import { ensureRunning } from "../lifecycle/ensure-running.ts";
import { stopSandbox } from "../lifecycle/stop-sandbox.ts";
import { errorState, pollSandbox } from "../lifecycle/wait-for-state.ts";
import { waitBeforeRetryMs } from "../retry.ts";
import type { SandboxRecord, Transport } from "../transport.ts";
import { nameTaken } from "./name-taken.ts";
import type { SnapshotTransport } from "./snapshot-transport.ts";
import { findSnapshot, waitUntilActive } from "./wait-for-snapshot.ts";

const attempts = 5;
/** For starting a sandbox again that was stopped for a snapshot which failed. */
const restoreTimeoutMs = 30_000;
const operation = "createSnapshot";

export interface SnapshotRequest {
  readonly sandboxId: string;
  readonly name: string;
  readonly mode: "pause" | "stop";
}

/** What is known of a snapshot that was asked for, for whoever gives up waiting. */
interface Progress {
  asked: boolean;
  state: string | undefined;
}

/**
 * Makes a snapshot of a sandbox and resolves when it can be used and the sandbox is again what it was before.
 *
 * @throws {@link SnapshotError}; {@link SandboxStateError} for a sandbox that neither runs nor is stopped.
 */
export async function createSnapshot(
  transport: Transport,
  snapshots: SnapshotTransport,
  request: SnapshotRequest,
  deadline: Deadline,
): Promise<Snapshot> {
  const { sandboxId, name, mode } = request;
  const call = { signal: deadline.signal };
  const progress: Progress = { asked: false, state: undefined };
  let wasStoppedByUs = false;
  try {
    if ((await findSnapshot(snapshots, name, call)) !== undefined) throw nameTaken(operation, name);
    const former = await settled(transport, sandboxId, deadline);
    if (mode === "stop" && former.state === "running") {
      wasStoppedByUs = true;
      await stopSandbox(transport, sandboxId, { operation, signal: deadline.signal });
    }
    const isStopped = former.state === "stopped" || wasStoppedByUs;
    await ask(snapshots, request, isStopped, progress, deadline);
    const snapshot = await waitUntilActive(
      snapshots,
      {
        name,
        mayAppear: async () => isChanging(await transport.find(sandboxId, call)),
        onLook: (seen) => {
          progress.state = seen?.providerState;
          // Servers that make it in the background tell nobody that another one had the name first.
          if ((seen?.sourceSandboxId ?? sandboxId) !== sandboxId) throw nameTaken(operation, name);
        },
      },
      call,
    );
    if (former.state === "running") {
      await ensureRunning(transport, sandboxId, {
        operation,
        signal: deadline.signal,
        start: wasStoppedByUs,
      });
    } else await settled(transport, sandboxId, deadline);
    return snapshot;
  } catch (error) {
    if (wasStoppedByUs) await startAgain(transport, sandboxId);
    else if (progress.asked && !deadline.ended) {
      // The failure of the snapshot is the one to report.
      await settled(transport, sandboxId, deadline).catch(() => undefined);
    }
    throw explain(error, request, progress, deadline);
  }
}

/** The sandbox when it runs or is stopped; a transition is waited for. */
function settled(
  transport: Transport,
  sandboxId: string,
  deadline: Deadline,
): Promise<SandboxRecord> {
  const options = { operation, signal: deadline.signal };
  return pollSandbox(transport, sandboxId, options, async (record) => {
    switch (record.state) {
      case "running":
      case "stopped":
        return record.becomingRunning ? undefined : record;
      case "archived":
        throw new SandboxStateError(
          `Sandbox ${sandboxId} is archived, and a snapshot needs it running or stopped. Start it first.`,
          { operation, sandboxId, providerState: record.providerState },
        );
      case "error":
      case "deleted":
        throw errorState(record, operation);
      case "none":
      case "starting":
      case "stopping":
      case "unknown":
        return undefined;
    }
  });
}

/** A lost answer is followed by another request: the name makes one snapshot of both, and its source tells whose it is. */
async function ask(
  snapshots: SnapshotTransport,
  { sandboxId, name }: SnapshotRequest,
  isStopped: boolean,
  progress: Progress,
  deadline: Deadline,
): Promise<void> {
  const call = { signal: deadline.signal };
  for (let attempt = 0; ; attempt++) {
    const mayExist = progress.asked;
    try {
      progress.asked = true;
      await snapshots.request(sandboxId, name, { isStopped }, call);
      return;
    } catch (error) {
      deadline.throwIfEnded();
      const isOpen = error instanceof ConnectionError;
      if (!isOpen && !mayExist) progress.asked = false;
      const found = mayExist || isOpen ? await findSnapshot(snapshots, name, call) : undefined;
      if (found?.sourceSandboxId === sandboxId) return;
      const mayPass = SandboxError.is(error) && error.retryable && attempt + 1 < attempts;
      if (!mayPass) throw error;
      await delay(waitBeforeRetryMs(error, attempt), deadline.signal);
    }
  }
}

function isChanging(record: SandboxRecord | undefined): boolean {
  return record?.state === "starting" || record?.state === "unknown";
}

/** The failure of the snapshot is the one to report. */
async function startAgain(transport: Transport, sandboxId: string): Promise<void> {
  using deadline = Deadline.start(operation, restoreTimeoutMs);
  await ensureRunning(transport, sandboxId, {
    operation,
    signal: deadline.signal,
    start: true,
  }).catch(() => undefined);
}

function explain(
  error: unknown,
  { name, sandboxId }: SnapshotRequest,
  { asked, state }: Progress,
  deadline: Deadline,
): unknown {
  if (deadline.reason === undefined || !asked) return deadline.reason ?? error;
  const left = `Snapshot ${name} was asked for (last seen: ${state ?? "nothing"}) and may still come; \`snapshots.get\` of the provider tells.`;
  const shared = { operation, sandboxId };
  return deadline.reason instanceof TimeoutError
    ? new TimeoutError(`createSnapshot took longer than ${deadline.timeoutMs} ms. ${left}`, {
        ...shared,
        timeoutMs: deadline.timeoutMs,
      })
    : new AbortError(`createSnapshot was aborted. ${left}`, {
        ...shared,
        cause: deadline.reason.cause,
      });
}
