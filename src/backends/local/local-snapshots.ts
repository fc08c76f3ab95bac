import { createHash } from "node:crypto";
import { SnapshotError } from "../../contract/provider-errors.ts";
import type { Snapshot } from "../../contract/snapshot.ts";
import { sandboxNotFound } from "../../core/lifecycle/find-sandbox.ts";
import type { SnapshotTransport } from "../../core/snapshots/snapshot-transport.ts";
import type { TransportCall } from "../../core/transport.ts";
import type { EngineSnapshot } from "../../engine/engine-types.ts";
import type { LocalConnection, OpenEngine } from "./local-connection.ts";
import { findSandbox } from "./local-sandboxes.ts";

/** The snapshots of the local engine. One that is there is complete, so each is `active`. */
export class LocalSnapshots implements SnapshotTransport {
  readonly #connection: LocalConnection;

  constructor(connection: LocalConnection) {
    this.#connection = connection;
  }

  /** A copy that its caller gives up ends, and nothing is left of it. */
  request(
    sandboxId: string,
    name: string,
    { isStopped }: { readonly isStopped: boolean },
    call: TransportCall,
  ): Promise<void> {
    return this.#connection.request(call, "sandbox", async (open) => {
      if ((await findSandbox(open, sandboxId)) === undefined) {
        throw sandboxNotFound(sandboxId, "createSnapshot");
      }
      await open.engine.createSnapshot(sandboxId, {
        id: snapshotId(name),
        mode: isStopped ? "stop" : "copy",
        metadata: { name },
        signal: call.signal,
      });
    });
  }

  find(nameOrId: string, call: TransportCall): Promise<Snapshot | undefined> {
    return this.#connection.request(call, "sandbox", async (open) => {
      const found = await findLocalSnapshot(open, nameOrId);
      return found && toSnapshot(found);
    });
  }

  list(call: TransportCall): Promise<readonly Snapshot[]> {
    return this.#connection.request(call, "sandbox", async ({ engine }) =>
      (await engine.listSnapshots()).map(toSnapshot),
    );
  }

  requestDelete(id: string, call: TransportCall): Promise<void> {
    return this.#connection.request(call, "sandbox", ({ engine }) => engine.deleteSnapshot(id));
  }

  /** None is ever inactive. */
  requestActivation(): Promise<void> {
    return Promise.resolve();
  }
}

/** One snapshot for one name: the engine refuses a second one of the same ID. */
function snapshotId(name: string): string {
  return `snapshot-${createHash("sha256").update(name).digest("hex").slice(0, 40)}`;
}

async function findLocalSnapshot(
  { engine }: OpenEngine,
  nameOrId: string,
): Promise<EngineSnapshot | undefined> {
  return (await engine.getSnapshot(nameOrId)) ?? engine.getSnapshot(snapshotId(nameOrId));
}

/** @throws {@link SnapshotError} when there is none. */
export async function requireLocalSnapshot(
  open: OpenEngine,
  nameOrId: string,
): Promise<EngineSnapshot> {
  const found = await findLocalSnapshot(open, nameOrId);
  if (found !== undefined) return found;
  throw new SnapshotError(
    `There is no snapshot ${nameOrId} in this folder of this machine, for this isolation.`,
    { reason: "not-found", snapshot: nameOrId },
  );
}

function toSnapshot({ id, metadata, sourceId, createdAt }: EngineSnapshot): Snapshot {
  return {
    id,
    name: typeof metadata.name === "string" ? metadata.name : id,
    state: "active",
    providerState: "complete",
    message: undefined,
    sourceSandboxId: sourceId,
    createdAt,
    lastUsedAt: undefined,
  };
}
