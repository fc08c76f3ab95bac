import { randomBytes } from "node:crypto";
import type { LocalEngine } from "../../engine/local-engine.ts";
import type { BuiltImage } from "../build/image-config.ts";
import type { Images } from "../build/images.ts";
import { runAs } from "../build/run-as.ts";
import type { StateDelaysMs } from "../emulator-options.ts";
import type { FaultInjector } from "../faults/fault-injector.ts";
import type { EmulatorClock } from "./emulator-clock.ts";
import { startEntrypoint } from "./entrypoint.ts";
import { metadataKey, type SandboxEntry } from "./sandbox-entry.ts";
import { sandboxEnvironment } from "./sandbox-environment.ts";
import type { SandboxRecord, StoredState } from "./sandbox-record.ts";
import type { SandboxStore } from "./sandbox-store.ts";
import { TransitionFailure } from "./transition-failure.ts";
import { type Passage, passDelayMs, serverTimeout } from "./transition-times.ts";
import { Transitions } from "./transitions.ts";
import { orAborted } from "./until-aborted.ts";
import type { Volumes } from "./volumes.ts";

export interface LifecycleOptions {
  readonly engine: LocalEngine;
  readonly images: Images;
  readonly store: SandboxStore;
  readonly volumes: Volumes;
  readonly clock: EmulatorClock;
  readonly faults: FaultInjector;
  readonly delaysMs: StateDelaysMs;
  readonly nameFreedOnDelete: boolean;
  readonly useSnapshotEntrypoint: boolean;
}

const gracefulStopMs = 10_000;

/** Moves sandboxes along Daytona's states. Whether a move is allowed is decided before, by the API. */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #transitions = new Transitions<SandboxEntry>((entry, error) => this.#fail(entry, error));

  constructor(options: LifecycleOptions) {
    this.#options = options;
  }

  create(entry: SandboxEntry): void {
    this.#run(entry, async (signal) => {
      if (entry.record.state === "pending_build") {
        await this.#pass(entry, "pending_build", signal);
        await this.#pass(entry, "building_snapshot", signal, () => this.#build(entry));
      }
      await this.#pass(entry, "creating", signal);
      await this.#makeEngineSandbox(entry);
      await startEntrypoint(entry, this, this.#options.useSnapshotEntrypoint);
      await this.#settle(entry, "started");
    });
  }

  start(entry: SandboxEntry): void {
    const { record } = entry;
    const archived = record.state === "archived" || record.state === "archiving";
    record.desiredState = "started";
    record.previewToken = newPreviewToken();
    this.#run(entry, async (signal) => {
      await this.#pass(entry, archived ? "restoring" : "starting", signal);
      entry.replaceDaemon();
      if (entry.engine) await entry.engine.start();
      else await this.#makeEngineSandbox(entry);
      await startEntrypoint(entry, this, this.#options.useSnapshotEntrypoint);
      await this.#settle(entry, "started");
    });
  }

  stop(entry: SandboxEntry, { force }: { readonly force: boolean }): void {
    if (entry.record.autoDeleteInterval === 0) {
      this.destroy(entry);
      return;
    }
    entry.record.desiredState = "stopped";
    this.#run(entry, async (signal) => {
      await this.#pass(entry, "stopping", signal);
      entry.replaceDaemon();
      await entry.engine?.stop({ graceMs: force ? 0 : gracefulStopMs });
      await this.#settle(entry, "stopped");
    });
  }

  /** Ends in the state in which it began. */
  resize(entry: SandboxEntry, size: Pick<SandboxRecord, "cpu" | "memoryGiB" | "diskGiB">): void {
    const { record } = entry;
    const before = record.state;
    record.desiredState = "resized";
    entry.setState("resizing", this.#options.clock.now());
    this.#run(entry, async (signal) => {
      await this.#pass(entry, "resizing", signal);
      Object.assign(record, size);
      record.desiredState = before === "started" ? "started" : "stopped";
      await this.#settle(entry, before);
    });
  }

  /** What befalls a running sandbox without anyone asking for it. Nothing happens to one that does not run any more. */
  befall(entry: SandboxEntry, mishap: () => Promise<void>): void {
    if (entry.record.state === "started" && !this.#transitions.isUnderWay(entry))
      this.#run(entry, mishap);
  }

  /** Whatever becomes of the snapshot, the sandbox is afterwards what it was. */
  snapshot(entry: SandboxEntry, make: (signal: AbortSignal) => Promise<void>): void {
    const former = entry.record.state;
    entry.setState("snapshotting", this.#options.clock.now());
    this.#run(entry, async (signal) => {
      await this.#pass(entry, "snapshotting", signal);
      await make(signal);
      signal.throwIfAborted();
      await this.#settle(entry, former);
    });
  }

  /** What a sandbox is found like whose first process has ended: stopped, without a reason. For `befall`. */
  async endedByItself(entry: SandboxEntry): Promise<void> {
    entry.record.desiredState = "stopped";
    entry.replaceDaemon();
    await entry.engine?.stop({ graceMs: 0 });
    await this.#settle(entry, "stopped");
  }

  archive(entry: SandboxEntry): void {
    const { record } = entry;
    record.desiredState = "archived";
    record.backupState = "InProgress";
    entry.setState("archiving", this.#options.clock.now());
    this.#run(entry, async (signal) => {
      await this.#pass(entry, "archiving", signal);
      record.backupState = "Completed";
      record.backupCreatedAt = this.#options.clock.now().toISOString();
      await this.#settle(entry, "archived");
    });
  }

  recover(entry: SandboxEntry, { start }: { readonly start: boolean }): void {
    const { record } = entry;
    record.errorReason = undefined;
    record.recoverable = false;
    record.desiredState = "stopped";
    entry.setState("stopped", this.#options.clock.now());
    if (start) this.start(entry);
  }

  destroy(entry: SandboxEntry): void {
    const { record } = entry;
    const { nameFreedOnDelete, store, clock } = this.#options;
    record.desiredState = "destroyed";
    record.backupState = "None";
    if (nameFreedOnDelete) record.name = `DESTROYED_${record.name}_${Date.now()}`;
    // Clients are told at once that an errored sandbox is gone, so it must not show up again as `destroying`.
    const errored = record.state === "error" || record.state === "build_failed";
    this.#run(entry, async (signal) => {
      if (errored) await this.#linger(entry, "destroying", signal);
      else await this.#pass(entry, "destroying", signal);
      entry.daemon.end();
      await entry.engine?.delete();
      entry.engine = undefined;
      entry.setState("destroyed", clock.now());
      store.remove(entry.id);
    });
  }

  /** Ends every transition where it stands. */
  async close(): Promise<void> {
    await this.#transitions.close();
  }

  /** One move at a time: a delete of a sandbox that is being built or archived supersedes what is under way. */
  #run(entry: SandboxEntry, move: (signal: AbortSignal) => Promise<void>): void {
    void this.#transitions.run(entry, move);
  }

  /** Enters a state on the way, and stays in it as long as the options and the faults say. */
  async #pass(
    entry: SandboxEntry,
    state: Passage,
    signal: AbortSignal,
    work?: () => Promise<unknown>,
  ): Promise<void> {
    signal.throwIfAborted();
    if (entry.record.state !== state) entry.setState(state, this.#options.clock.now());
    await entry.save();
    await this.#linger(entry, state, signal, work?.());
  }

  async #linger(
    entry: SandboxEntry,
    state: Passage,
    signal: AbortSignal,
    work?: Promise<unknown>,
  ): Promise<void> {
    const { clock, faults, delaysMs } = this.#options;
    const { subject } = entry;
    // It may fail before its outcome is asked for.
    work?.catch(() => {});
    await clock.sleep(passDelayMs(delaysMs, state), signal);
    const limit = serverTimeout(state, clock);
    const ended = new AbortController();
    const held = faults.holdState(state, subject, AbortSignal.any([signal, ended.signal]));
    const waits = [
      work === undefined
        ? held
        : held.then(() => orAborted(work, AbortSignal.any([signal, ended.signal]))),
    ];
    if (limit)
      waits.push(clock.sleep(limit.ms, ended.signal).then(() => Promise.reject(limit.failure)));
    try {
      await Promise.race(waits);
    } finally {
      ended.abort();
      await Promise.allSettled(waits);
    }
    const failure = faults.transitionFailure(state, subject);
    if (failure) throw new TransitionFailure(failure);
  }

  async #settle(entry: SandboxEntry, state: StoredState): Promise<void> {
    entry.setState(state, this.#options.clock.now());
    await entry.save();
  }

  async #makeEngineSandbox(entry: SandboxEntry): Promise<void> {
    const { record, subject } = entry;
    const { engine, volumes, faults } = this.#options;
    const image = record.build && (await this.#build(entry));
    const snapshotId = image ? image.engineSnapshotId : record.engineSnapshotId;
    const isUnmounted = record.volumes.length > 0 && faults.suffers("unmounted", subject);
    entry.engine ??= await engine.create({
      id: entry.id,
      mounts: isUnmounted ? [] : await volumes.mountsOf(record),
      env: { ...(image?.config ?? record.image?.config)?.env, ...sandboxEnvironment(record) },
      metadata: { [metadataKey]: structuredClone(record) },
      ...(snapshotId === undefined ? {} : { snapshotId }),
    });
    if (image) {
      const { config } = image;
      record.image = { config, runAs: await runAs(entry.engine, config.user) };
    }
  }

  async #build({ record }: SandboxEntry): Promise<BuiltImage | undefined> {
    const { build, organizationId } = record;
    if (!build) return undefined;
    try {
      return await this.#options.images.build(build.snapshotRef, { ...build, organizationId })
        .image;
    } catch (error) {
      throw new TransitionFailure({ to: "build_failed", errorReason: messageOf(error) });
    }
  }

  async #fail(entry: SandboxEntry, error: unknown): Promise<void> {
    const { record } = entry;
    const failure = error instanceof TransitionFailure ? error : undefined;
    record.errorReason = failure ? failure.errorReason : messageOf(error);
    record.recoverable = failure?.recoverable ?? false;
    entry.setState(failure?.to ?? "error", this.#options.clock.now());
    try {
      await entry.save();
    } catch (saveError) {
      // Often the very failure that brought us here. Clients see it; only a restart of the emulator would not know it.
      record.errorReason ??= messageOf(saveError);
    }
  }
}

export function newPreviewToken(): string {
  return randomBytes(16).toString("hex");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
