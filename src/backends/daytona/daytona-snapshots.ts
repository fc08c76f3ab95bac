import {
  ProtocolError,
  SnapshotError,
  UnsupportedOperationError,
} from "../../contract/provider-errors.ts";
import type { Snapshot, SnapshotState } from "../../contract/snapshot.ts";
import type { SnapshotTransport } from "../../core/snapshots/snapshot-transport.ts";
import { waitUntilActive } from "../../core/snapshots/wait-for-snapshot.ts";
import type { TransportCall } from "../../core/transport.ts";
import type { DaytonaConnection } from "./daytona-connection.ts";
import { classifyDaytonaError } from "./daytona-errors.ts";
import type { DaytonaSandbox, DaytonaSnapshot } from "./daytona-sdk.ts";
import { prepareDaytonaBuild } from "./images/prepare-build.ts";
import { classifySnapshotError } from "./images/snapshot-errors.ts";

/** Seconds that the SDK may take for the request alone; its wait is left out. */
const requestSeconds = 50;
const perPage = 100;

/** Every state of Daytona's API (openapi, SnapshotState); one that is not here is `unknown`, which is waited for. */
const states: Readonly<Record<string, SnapshotState>> = {
  building: "pending",
  pending: "pending",
  pulling: "pending",
  snapshotting: "pending",
  active: "active",
  inactive: "inactive",
  error: "error",
  build_failed: "error",
  removing: "removing",
};

/** Daytona's snapshots, through the official SDK. */
export class DaytonaSnapshots implements SnapshotTransport {
  readonly #connection: DaytonaConnection;

  constructor(connection: DaytonaConnection) {
    this.#connection = connection;
  }

  async request(
    sandboxId: string,
    name: string,
    _options: unknown,
    call: TransportCall,
  ): Promise<void> {
    const sandbox = await this.#connection.sandbox(sandboxId, call);
    if (typeof sandbox.createSnapshot !== "function") {
      throw new UnsupportedOperationError(
        "This version of the SDK makes no snapshots of sandboxes. Use @daytonaio/sdk of version 0.200 or newer.",
        { sandboxId },
      );
    }
    await this.#ask(call, name, () => unwaited(sandbox).createSnapshot(name, requestSeconds));
  }

  async find(nameOrId: string, call: TransportCall): Promise<Snapshot | undefined> {
    try {
      const client = await this.#connection.client();
      return toSnapshot(await this.#connection.request(call, () => client.snapshot.get(nameOrId)));
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if (statusOf(error) === 404) return undefined;
      throw classifyDaytonaError(error, "api");
    }
  }

  async list(call: TransportCall): Promise<readonly Snapshot[]> {
    const client = await this.#connection.client();
    const found = new Map<string, Snapshot>();
    for (let page = 1; ; page++) {
      const { items, totalPages } = await this.#ask(call, undefined, () =>
        client.snapshot.list(page, perPage),
      );
      if (!Array.isArray(items) || typeof totalPages !== "number") throw notDaytona();
      // A page may repeat what moved while it was read.
      for (const item of items) found.set(item.id, toSnapshot(item));
      if (page >= totalPages) return [...found.values()];
    }
  }

  readonly prepareBuild: NonNullable<SnapshotTransport["prepareBuild"]> = (options) =>
    prepareDaytonaBuild(this.#connection, options);

  async requestDelete(id: string, call: TransportCall): Promise<void> {
    const client = await this.#connection.client();
    try {
      await this.#connection.request(call, () => client.snapshot.delete({ id }));
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      if (statusOf(error) === 404) return;
      throw classifyDaytonaError(error, "api");
    }
  }

  async requestActivation(id: string, call: TransportCall): Promise<void> {
    const client = await this.#connection.client();
    try {
      await this.#connection.request(call, () => client.snapshot.activate({ id }));
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      const words = error instanceof Error ? error.message : String(error);
      // Another client's activation is as good.
      if (statusOf(error) === 400 && /already active/i.test(words)) return;
      if (statusOf(error) !== 400) throw classifyDaytonaError(error, "api");
      throw new SnapshotError(`Daytona does not activate snapshot ${id}: ${words}`, {
        cause: error,
        reason: "not-active",
        snapshot: id,
      });
    }
  }

  /** Uses a snapshot; one that was not used for some weeks is activated first. The refusal that says so has made nothing. */
  async whenActive<Value>(
    snapshot: string | undefined,
    call: TransportCall,
    use: () => Promise<Value>,
  ): Promise<Value> {
    try {
      return await use();
    } catch (error) {
      const isInactive = error instanceof SnapshotError && /is inactive/.test(error.message);
      if (!isInactive || snapshot === undefined) throw error;
      await waitUntilActive(
        this,
        { name: snapshot, mayAppear: () => Promise.resolve(false) },
        call,
      );
      return use();
    }
  }

  async #ask<Value>(
    call: TransportCall,
    name: string | undefined,
    run: () => Promise<Value>,
  ): Promise<Value> {
    try {
      return await this.#connection.request(call, run);
    } catch (error) {
      if (call.signal.aborted) throw call.signal.reason;
      throw classifySnapshotError(error, name);
    }
  }
}

function statusOf(error: unknown): unknown {
  return (error as { statusCode?: unknown } | undefined)?.statusCode;
}

function toSnapshot(dto: DaytonaSnapshot): Snapshot {
  if (typeof dto?.id !== "string" || typeof dto.name !== "string") throw notDaytona();
  return {
    id: dto.id,
    name: dto.name,
    state: states[dto.state] ?? "unknown",
    providerState: dto.state,
    message: dto.errorReason ?? undefined,
    sourceSandboxId: dto.sourceSandboxId ?? undefined,
    createdAt: dateOf(dto.createdAt),
    lastUsedAt: dateOf(dto.lastUsedAt),
  };
}

function dateOf(value: string | Date | null | undefined): Date | undefined {
  const date = new Date(value ?? Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function notDaytona(): ProtocolError {
  return new ProtocolError(
    "What came is no snapshot of Daytona's. Check `apiUrl`: it ends in /api as a rule.",
  );
}

/** The SDK's own wait gives up at the first failed look, and takes whatever state comes next for success. */
function unwaited(sandbox: DaytonaSandbox): DaytonaSandbox {
  return Object.create(sandbox, {
    waitForSnapshotComplete: { value: () => Promise.resolve() },
  }) as DaytonaSandbox;
}
