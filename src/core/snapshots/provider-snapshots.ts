import type { CallOptions } from "../../contract/call-options.ts";
import { SnapshotError } from "../../contract/provider-errors.ts";
import type { Snapshot, Snapshots } from "../../contract/snapshot.ts";
import { checkCallOptions } from "../check-arguments.ts";
import type { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";
import type { ProviderCalls } from "../provider/provider-calls.ts";
import { backoffMs, retryIdempotent } from "../retry.ts";
import { checkSnapshotReference } from "./check-snapshot-name.ts";
import type { SnapshotTransport } from "./snapshot-transport.ts";
import { findSnapshot, waitUntilActive } from "./wait-for-snapshot.ts";

const listTimeoutMs = 60_000;
const getTimeoutMs = 30_000;
const changeTimeoutMs = 120_000;
const firstPollMs = 100;
const longestPollMs = 2_000;
/** A provider that is briefly behind answers 404 for what exists; two answers apart prove it. */
const secondLookDelayMs = 400;

/** The snapshots of a provider: checks arguments, bounds each call, waits on states. */
export class ProviderSnapshots implements Snapshots {
  readonly #transport: SnapshotTransport;
  readonly #calls: ProviderCalls;

  constructor(transport: SnapshotTransport, calls: ProviderCalls) {
    this.#transport = transport;
    this.#calls = calls;
  }

  list(options?: CallOptions): Promise<Snapshot[]> {
    return this.#call("snapshots.list", options, listTimeoutMs, async ({ signal }) => {
      const found = await retryIdempotent(() => this.#transport.list({ signal }), signal);
      return [...found].sort((one, other) => (one.name < other.name ? -1 : 1));
    });
  }

  get(nameOrId: string, options?: CallOptions): Promise<Snapshot | undefined> {
    return this.#call("snapshots.get", options, getTimeoutMs, ({ signal }) =>
      findSnapshot(this.#transport, checkSnapshotReference(nameOrId), { signal }),
    );
  }

  async delete(nameOrId: string, options?: CallOptions): Promise<void> {
    await this.#call("snapshots.delete", options, changeTimeoutMs, async ({ signal }) => {
      const call = { signal };
      const first = await this.#findTwice(checkSnapshotReference(nameOrId), signal);
      if (first === undefined) return;
      for (let attempt = 0; ; attempt++) {
        const snapshot = await this.#findTwice(first.id, signal);
        if (snapshot === undefined) return;
        if (snapshot.state !== "removing") {
          await retryIdempotent(() => this.#transport.requestDelete(snapshot.id, call), signal);
        }
        await delay(backoffMs(attempt, firstPollMs, longestPollMs), signal);
      }
    });
  }

  activate(nameOrId: string, options?: CallOptions): Promise<Snapshot> {
    return this.#call("snapshots.activate", options, changeTimeoutMs, async ({ signal }) => {
      const name = checkSnapshotReference(nameOrId);
      const first = await this.#findTwice(name, signal);
      if (first === undefined) {
        throw new SnapshotError(`There is no snapshot ${name}.`, {
          reason: "not-found",
          snapshot: name,
        });
      }
      return waitUntilActive(
        this.#transport,
        { name: first.id, mayAppear: () => Promise.resolve(false) },
        { signal },
      );
    });
  }

  #call<Value>(
    operation: string,
    options: CallOptions | undefined,
    defaultTimeoutMs: number,
    run: (deadline: Deadline) => Promise<Value>,
  ): Promise<Value> {
    return this.#calls.guard(operation, async () => {
      const checked = checkCallOptions(operation, options);
      return this.#calls.bounded(operation, checked, defaultTimeoutMs, run);
    });
  }

  async #findTwice(nameOrId: string, signal: AbortSignal): Promise<Snapshot | undefined> {
    const first = await findSnapshot(this.#transport, nameOrId, { signal });
    if (first !== undefined) return first;
    await delay(secondLookDelayMs, signal);
    return findSnapshot(this.#transport, nameOrId, { signal });
  }
}
