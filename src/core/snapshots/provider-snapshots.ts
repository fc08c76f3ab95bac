import * as z from "zod/mini";
import type { CallOptions } from "../../contract/call-options.ts";
import type { ImageResources } from "../../contract/image.ts";
import { SnapshotError, UnsupportedOperationError } from "../../contract/provider-errors.ts";
import type { BuildSnapshotOptions, Snapshot, Snapshots } from "../../contract/snapshot.ts";
import { callShape, checkCallOptions, checkOptions, functionSchema } from "../check-arguments.ts";
import { lazily } from "../config/lazily.ts";
import type { Deadline } from "../deadline.ts";
import { delay } from "../delay.ts";
import type { ProviderCalls } from "../provider/provider-calls.ts";
import { backoffMs, retryIdempotent } from "../retry.ts";
import { buildSnapshot } from "./build-snapshot.ts";
import { checkSnapshotName, checkSnapshotReference } from "./check-snapshot-name.ts";
import type { SnapshotTransport } from "./snapshot-transport.ts";
import { findSnapshot, waitUntilActive } from "./wait-for-snapshot.ts";

const listTimeoutMs = 60_000;
const getTimeoutMs = 30_000;
const changeTimeoutMs = 120_000;
const buildTimeoutMs = 1_800_000;

const buildSchema = lazily(() =>
  z.strictObject({
    ...callShape(),
    name: z.string(),
    // What they may be, the provider knows.
    image: z.custom<BuildSnapshotOptions["image"]>((value) => value !== undefined, {
      error: "an image",
    }),
    resources: z.optional(z.custom<ImageResources>()),
    onLog: functionSchema<(text: string) => void>(),
  }),
);
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

  build(options: BuildSnapshotOptions): Promise<Snapshot> {
    const operation = "snapshots.build";
    return this.#calls.guard(operation, async () => {
      const { name, image, resources, onLog, ...call } = checkOptions(
        operation,
        buildSchema,
        options,
      );
      const checkedName = checkSnapshotName(name);
      if (this.#transport.prepareBuild === undefined) {
        throw new UnsupportedOperationError(
          "This provider builds no images. Make a sandbox with what is needed in it, and a snapshot of that by createSnapshot().",
          { operation },
        );
      }
      const build = await this.#transport.prepareBuild({ image, resources });
      return this.#calls.bounded(operation, call, buildTimeoutMs, (deadline) =>
        buildSnapshot(this.#transport, checkedName, build, onLog, deadline),
      );
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
