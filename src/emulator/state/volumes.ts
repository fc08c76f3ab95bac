import { randomUUID } from "node:crypto";
import type { VolumeState } from "@daytona/api-client";
import type { EngineMount } from "../../engine/engine-types.ts";
import type { LocalEngine } from "../../engine/local-engine.ts";
import type { StateDelaysMs } from "../emulator-options.ts";
import type { FaultInjector } from "../faults/fault-injector.ts";
import type { EmulatorClock } from "./emulator-clock.ts";
import { metadataKey } from "./sandbox-entry.ts";
import type { SandboxRecord } from "./sandbox-record.ts";

/** All that the control plane knows of a volume. JSON: it is kept beside the volume's files. */
export interface VolumeRecord {
  readonly id: string;
  readonly name: string;
  readonly organizationId: string;
  state: VolumeState;
  readonly createdAt: string;
  updatedAt: string;
  lastUsedAt: string | undefined;
  errorReason: string | undefined;
}

export interface VolumesOptions {
  readonly engine: LocalEngine;
  readonly clock: EmulatorClock;
  readonly faults: FaultInjector;
  readonly delaysMs: StateDelaysMs;
}

const defaultDelayMs = 10;

/** The volumes that exist, from the accepted create to the end of `deleting`. */
export class Volumes {
  readonly #options: VolumesOptions;
  readonly #records = new Map<string, VolumeRecord>();
  readonly #madeHere = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  /** Told of each new volume, each new state, and each that is gone. */
  onChange: (record: VolumeRecord, oldState: VolumeState | undefined) => void = () => {};
  /** Told when a sandbox is made with a volume. */
  onUse: (record: VolumeRecord) => void = () => {};

  private constructor(options: VolumesOptions) {
    this.#options = options;
  }

  /** Finds the volumes that an earlier emulator left. One that was being deleted is deleted. */
  static async open(options: VolumesOptions): Promise<Volumes> {
    const volumes = new Volumes(options);
    for (const { id, metadata } of await options.engine.volumes.list()) {
      const record = metadata[metadataKey] as VolumeRecord | undefined;
      if (record === undefined) continue;
      if (record.state === "ready") volumes.#records.set(id, record);
      else await options.engine.volumes.remove(id);
    }
    return volumes;
  }

  all(): VolumeRecord[] {
    return [...this.#records.values()];
  }

  ofOrganization(organizationId: string): VolumeRecord[] {
    return this.all().filter((record) => record.organizationId === organizationId);
  }

  create(organizationId: string, name: string | undefined): VolumeRecord {
    const { clock, engine } = this.#options;
    const id = randomUUID();
    const now = clock.now().toISOString();
    const record: VolumeRecord = {
      id,
      name: name || id,
      organizationId,
      state: "pending_create",
      createdAt: now,
      updatedAt: now,
      lastUsedAt: undefined,
      errorReason: undefined,
    };
    this.#records.set(id, record);
    this.#madeHere.add(id);
    this.onChange(record, undefined);
    this.#run(record, "ready", async () => {
      await this.#linger(record, "pending_create");
      this.#enter(record, "creating");
      await engine.volumes.create(id, { [metadataKey]: { ...record, state: "ready" } });
    });
    return record;
  }

  delete(record: VolumeRecord): void {
    this.#enter(record, "pending_delete");
    this.#run(record, "deleted", async () => {
      await this.#linger(record, "pending_delete");
      this.#enter(record, "deleting");
      await this.#options.engine.volumes.remove(record.id);
      this.#records.delete(record.id);
    });
  }

  /** Notes that a sandbox was made with it. */
  async use(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (record === undefined) return;
    record.lastUsedAt = this.#options.clock.now().toISOString();
    this.onUse(record);
    await this.#options.engine.volumes.setMetadata(id, { [metadataKey]: { ...record } });
  }

  /** What the engine mounts for a sandbox. */
  async mountsOf({ volumes }: SandboxRecord): Promise<EngineMount[]> {
    return Promise.all(
      volumes.map(async ({ volumeId, mountPath, subpath }) => {
        const volume = await this.#options.engine.volumes.get(volumeId);
        if (volume === undefined) throw new Error(`Volume ${volumeId} is gone`);
        await this.use(volumeId);
        return {
          source: volume.directory,
          target: withoutEndSlash(mountPath),
          ...(subpath ? { subpath: withoutEndSlash(subpath) } : {}),
        };
      }),
    );
  }

  /** Ends what is under way and, unless they are kept, removes the volumes that were made here. */
  async close({ keep }: { readonly keep: boolean }): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#underWay);
    if (keep) return;
    for (const id of this.#madeHere) await this.#options.engine.volumes.remove(id);
  }

  #run(record: VolumeRecord, end: VolumeState, work: () => Promise<void>): void {
    const task = work()
      .then(() => this.#enter(record, end))
      .catch((error: unknown) => {
        if (this.#closing.signal.aborted) return;
        record.errorReason = error instanceof Error ? error.message : String(error);
        this.#enter(record, "error");
      })
      .finally(() => this.#underWay.delete(task));
    this.#underWay.add(task);
  }

  #enter(record: VolumeRecord, state: VolumeState): void {
    const oldState = record.state;
    record.state = state;
    record.updatedAt = this.#options.clock.now().toISOString();
    this.onChange(record, oldState);
  }

  /** Stays in a state as long as the options and the faults say. */
  async #linger({ name }: VolumeRecord, state: "pending_create" | "pending_delete"): Promise<void> {
    const { clock, faults, delaysMs } = this.#options;
    const { signal } = this.#closing;
    const { volumeCreating, volumeDeleting } = delaysMs;
    const delayMs = state === "pending_create" ? volumeCreating : volumeDeleting;
    await clock.sleep(delayMs ?? defaultDelayMs, signal);
    await faults.holdState(state, { name }, signal);
    const failure = faults.transitionFailure(state, { name });
    if (failure) throw new Error(failure.errorReason ?? "Volume operation failed");
  }
}

function withoutEndSlash(path: string): string {
  return path.replace(/\/+$/, "");
}
