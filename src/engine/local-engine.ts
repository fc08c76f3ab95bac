import { existsSync } from "node:fs";
import { mkdir, mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { EngineError } from "./engine-error.ts";
import type {
  EngineSandbox,
  EngineSandboxOptions,
  EngineSnapshot,
  EngineSnapshotOptions,
  Isolation,
  IsolationProbe,
  LimitMechanisms,
  LocalEngineOptions,
} from "./engine-types.ts";
import { checkBindMounts } from "./isolation/bind-mounts.ts";
import { checkEnvironment } from "./isolation/environment.ts";
import { FolderConfinement } from "./isolation/folder-confinement.ts";
import { readHostPrivileges } from "./isolation/host-privileges.ts";
import { NamespaceConfinement } from "./isolation/namespace-confinement.ts";
import { probeNamespaces, requireNamespaces } from "./isolation/namespace-probe.ts";
import { findLimitMechanisms } from "./limits/sandbox-limiter.ts";
import { LocalSandbox } from "./local-sandbox.ts";
import { ProgramStarter } from "./processes/program-starter.ts";
import { makeSnapshot } from "./snapshots/make-snapshot.ts";
import { toEngineSnapshot } from "./snapshots/snapshot-record.ts";
import { removeTree } from "./state/remove-tree.ts";
import { isSandboxId, SandboxStore } from "./state/sandbox-store.ts";
import { VolumeStore } from "./volumes/volume-store.ts";

/** Real sandboxes on this machine. They outlive this object and this process: any engine on the same directory finds them. */
export class LocalEngine {
  readonly directory: string;
  readonly isolation: Isolation;
  readonly volumes: VolumeStore;
  readonly #store: SandboxStore;
  readonly #starter: ProgramStarter;

  private constructor(directory: string, store: SandboxStore, starter: ProgramStarter) {
    this.#starter = starter;
    this.directory = directory;
    this.volumes = new VolumeStore(directory);
    this.isolation = store.confinement.isolation;
    this.#store = store;
  }

  /**
   * Says whether namespaces work here, by building one sandbox and taking it away again.
   *
   * @param options.directory - Where sandboxes would be; the file system matters. Default: the system's temporary folder.
   */
  static async probe(
    options: { readonly directory?: string; readonly signal?: AbortSignal } = {},
  ): Promise<IsolationProbe> {
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "sandbox-engine-")));
    try {
      const made = await mkdir(directory, { recursive: true, mode: 0o700 });
      try {
        return await probeNamespaces(await realpath(directory), options.signal);
      } finally {
        if (made !== undefined) await removeTree(made);
      }
    } finally {
      if (options.directory === undefined) await removeTree(directory);
    }
  }

  /** By what this machine limits the sandboxes of this user that have namespaces. */
  static async limits(): Promise<LimitMechanisms> {
    const directory = await mkdtemp(join(tmpdir(), "sandbox-engine-"));
    const starter = await ProgramStarter.open(join(directory, "pipes"));
    try {
      return await findLimitMechanisms(starter, readHostPrivileges());
    } finally {
      await starter.close();
      await removeTree(directory);
    }
  }

  /**
   * Opens the engine on a directory, which is created when missing, and removes what a dead process left half-done there.
   *
   * @throws EngineError `ISOLATION_UNAVAILABLE` when namespaces were asked for and do not work here.
   */
  static async open(options: LocalEngineOptions): Promise<LocalEngine> {
    if (process.platform !== "linux") {
      throw new EngineError("ISOLATION_UNAVAILABLE", "The local engine runs on Linux alone");
    }
    if (!isAbsolute(options.directory)) {
      throw new EngineError("INVALID_ARGUMENT", "directory must be an absolute path");
    }
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const directory = await realpath(options.directory);
    const isolation = options.isolation ?? "namespaces";
    if (isolation === "namespaces") await requireNamespaces(directory);
    const starter = await ProgramStarter.open(join(directory, "pipes"));
    try {
      const confinement =
        isolation === "none"
          ? new FolderConfinement(starter)
          : await NamespaceConfinement.open(directory, starter);
      const store = new SandboxStore(directory, confinement);
      await store.open();
      return new LocalEngine(directory, store, starter);
    } catch (error) {
      await starter.close();
      throw error;
    }
  }

  /**
   * Creates a sandbox and starts it. On any failure nothing is left of it.
   *
   * @throws EngineError `INVALID_ARGUMENT`, `SANDBOX_EXISTS`, `SNAPSHOT_NOT_FOUND` or `SANDBOX_START_FAILED`.
   */
  async create(options: EngineSandboxOptions = {}): Promise<EngineSandbox> {
    checkId(options.id, "sandbox");
    checkId(options.snapshotId, "snapshot");
    checkEnvironment(options.env ?? {});
    if (options.network === "none") this.#requireOwnNetworks();
    if (options.mounts?.length) {
      if (this.isolation === "none") {
        throw new EngineError(
          "MOUNTS_UNAVAILABLE",
          "Without isolation a sandbox has this machine's own tree, in which nothing can be mounted for it alone",
        );
      }
      await checkBindMounts(options.mounts);
    }
    return new LocalSandbox(this.#store, await this.#store.create(options));
  }

  /** Finds a sandbox by the state on disk, whichever process made it. */
  async get(id: string): Promise<EngineSandbox | undefined> {
    const stored = await this.#store.find(id);
    return stored && new LocalSandbox(this.#store, stored);
  }

  /**
   * The sandboxes of this engine's directory and isolation, in no particular order. Unfinished ones are left out; one whose
   * record cannot be read is left out with a warning of this process, and `get` rejects with what is wrong.
   */
  async list(): Promise<EngineSandbox[]> {
    const sandboxes = await Promise.all(
      (await this.#store.ids()).map((id) => this.#getReadable(id)),
    );
    return sandboxes.filter((sandbox) => sandbox !== undefined);
  }

  /** IDs of all sandboxes of this directory, also of those that are being created, in no particular order. */
  ids(): Promise<string[]> {
    return this.#store.ids();
  }

  /**
   * Makes a snapshot of a sandbox, from which any number of new ones can be created. On any failure nothing is left of it.
   * A snapshot is complete when it has its id; there is no half-made one. Snapshots of a snapshot's sandbox share its layers.
   *
   * The chain `create({ snapshotId })`, run a program, `createSnapshot(…, { mode: "stop", graceMs: 0 })`, `delete` costs
   * no copy, whatever the sizes. At most 100 layers can stand on each other.
   *
   * @throws EngineError `INVALID_ARGUMENT`, `SANDBOX_NOT_FOUND`, `SNAPSHOT_EXISTS` or `SNAPSHOT_FAILED` (a full disk, too
   * many layers, processes that do not stop); the reason of `signal`.
   */
  async createSnapshot(
    sandboxId: string,
    options: EngineSnapshotOptions = {},
  ): Promise<EngineSnapshot> {
    checkId(options.id, "snapshot");
    options.signal?.throwIfAborted();
    const { graceMs } = options;
    if (options.id !== undefined) await this.#store.snapshots.assertFree(options.id);
    if (options.mode === "stop") {
      const sandbox = new LocalSandbox(this.#store, await this.#store.load(sandboxId));
      await sandbox.stop(graceMs === undefined ? {} : { graceMs });
    }
    return toEngineSnapshot(
      await this.#store.exclusively(sandboxId, (stored) =>
        makeSnapshot(this.#store, stored, options),
      ),
    );
  }

  /** Finds a snapshot by the state on disk, whichever process made it. */
  async getSnapshot(id: string): Promise<EngineSnapshot | undefined> {
    const record = isSandboxId(id) ? await this.#store.snapshots.find(id) : undefined;
    return record && toEngineSnapshot(record);
  }

  /** The snapshots of this engine's directory and isolation, in no particular order. */
  async listSnapshots(): Promise<EngineSnapshot[]> {
    return (await this.#store.snapshots.list()).map(toEngineSnapshot);
  }

  /**
   * Makes a snapshot vanish. Sandboxes and snapshots that stand on its layers keep them; a layer goes with the last that
   * does. Idempotent.
   */
  async deleteSnapshot(id: string): Promise<void> {
    if (isSandboxId(id)) await this.#store.snapshots.remove(id);
  }

  /** @throws EngineError `SNAPSHOT_NOT_FOUND`. */
  async setSnapshotMetadata(
    id: string,
    metadata: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    checkId(id, "snapshot");
    await this.#store.snapshots.setMetadata(id, structuredClone(metadata));
  }

  /**
   * Lets go of processes and connections of this object. Sandboxes and what runs in them go on; a process that still writes
   * to its pipes finds them closed, as after the end of this process.
   */
  async close(): Promise<void> {
    this.#store.close();
    await this.#starter.close();
  }

  #requireOwnNetworks(): void {
    if (this.isolation === "none") {
      throw new EngineError(
        "NETWORK_UNAVAILABLE",
        "Without isolation a sandbox has this machine's network",
      );
    }
    if (!existsSync("/proc/self/ns/net")) {
      throw new EngineError("NETWORK_UNAVAILABLE", "This kernel has no network namespaces");
    }
  }

  async #getReadable(id: string): Promise<EngineSandbox | undefined> {
    try {
      return await this.get(id);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "STATE_UNREADABLE") throw error;
      process.emitWarning(`The sandbox ${id} is left out: ${error.message}`);
      return undefined;
    }
  }
}

function checkId(id: string | undefined, kind: "sandbox" | "snapshot"): void {
  if (id === undefined || isSandboxId(id)) return;
  throw new EngineError(
    "INVALID_ARGUMENT",
    `${JSON.stringify(id)} is no ${kind} id: letters, digits and "-", at most 64`,
  );
}
