import type { CallOptions } from "../../contract/call-options.ts";
import type { DoctorOptions, DoctorReport } from "../../contract/doctor.ts";
import type {
  DestroyOptions,
  ListOptions,
  Provider,
  SandboxInfo,
} from "../../contract/provider.ts";
import type { BuildSnapshotOptions, Snapshot, Snapshots } from "../../contract/snapshot.ts";
import type { SweepOptions, SweepResult } from "../../contract/sweep.ts";
import { type Load, LoadedLater } from "./loaded-later.ts";

/** A provider as a host app gets it: its config is checked, and the first call loads what does the work. */
export abstract class LazyProvider implements Provider {
  readonly type: string;
  readonly snapshots: Snapshots;
  readonly #later: LoadedLater<Provider>;

  constructor(type: string, load: Load<Provider>) {
    this.type = type;
    this.#later = new LoadedLater(load);
    this.snapshots = new LazySnapshots(async () => (await this.#later.get()).snapshots);
  }

  async list(options?: ListOptions): Promise<SandboxInfo[]> {
    return (await this.#later.get()).list(options);
  }

  async destroy(sandboxId: string, options?: DestroyOptions): Promise<void> {
    return (await this.#later.get()).destroy(sandboxId, options);
  }

  async sweep(options: SweepOptions): Promise<SweepResult> {
    return (await this.#later.get()).sweep(options);
  }

  async doctor(options?: DoctorOptions): Promise<DoctorReport> {
    return (await this.#later.get()).doctor(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#later.dispose();
  }
}

class LazySnapshots implements Snapshots {
  readonly #load: Load<Snapshots>;

  constructor(load: Load<Snapshots>) {
    this.#load = load;
  }

  async list(options?: CallOptions): Promise<Snapshot[]> {
    return (await this.#load()).list(options);
  }

  async get(nameOrId: string, options?: CallOptions): Promise<Snapshot | undefined> {
    return (await this.#load()).get(nameOrId, options);
  }

  async delete(nameOrId: string, options?: CallOptions): Promise<void> {
    return (await this.#load()).delete(nameOrId, options);
  }

  async build(options: BuildSnapshotOptions): Promise<Snapshot> {
    return (await this.#load()).build(options);
  }

  async activate(nameOrId: string, options?: CallOptions): Promise<Snapshot> {
    return (await this.#load()).activate(nameOrId, options);
  }
}
