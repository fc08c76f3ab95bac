import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Duplex } from "node:stream";
import { EngineError } from "../engine-error.ts";
import type { EngineSandboxOptions } from "../engine-types.ts";
import type { Confinement, StoredSandbox } from "../isolation/confinement.ts";
import type { ChildEngineProcess } from "../processes/engine-process.ts";
import { identifyProcess, isProcessAlive } from "../processes/process-identity.ts";
import { OpenPtys } from "../pty/open-ptys.ts";
import { recoverLayer } from "../snapshots/make-snapshot.ts";
import { SnapshotStore } from "../snapshots/snapshot-store.ts";
import { nameOfOwner, removeFoldersOfTheDead } from "./owned-folders.ts";
import { formatRecord, readRecord, writeRecord } from "./record-file.ts";
import { removeTree } from "./remove-tree.ts";
import { sandboxFolder } from "./sandbox-folder.ts";
import { withLock } from "./sandbox-lock.ts";
import type { SandboxRecord } from "./sandbox-record.ts";
import { spreadDirectories } from "./spread-directories.ts";

/** The sandboxes of one engine directory. */
export class SandboxStore {
  readonly confinement: Confinement;
  readonly ptys = new OpenPtys();
  readonly snapshots: SnapshotStore;
  readonly directory: string;
  readonly #processes = new Set<ChildEngineProcess>();
  readonly #connections = new Set<Duplex>();
  #closed = false;

  constructor(directory: string, confinement: Confinement) {
    this.directory = directory;
    this.confinement = confinement;
    this.snapshots = new SnapshotStore(directory, confinement.isolation);
  }

  /** Makes the engine's own folders and removes what a process that died in the middle of its work left behind. */
  async open(): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    for (const name of ["sandboxes", "locks", "trash"]) {
      await mkdir(join(this.directory, name), { recursive: true, mode: 0o700 });
    }
    const staging = join(this.directory, "staging");
    // Everything that can become large is made there.
    if (await mkdir(staging, { recursive: true, mode: 0o700 })) await spreadDirectories(staging);
    await removeFoldersOfTheDead(staging);
    for (const name of await readdir(join(this.directory, "trash"))) {
      await removeTree(join(this.directory, "trash", name));
    }
    for (const id of await readdir(join(this.directory, "sandboxes"))) {
      if (await this.#isGarbage(id)) await this.#removeGarbage(id);
    }
    await this.snapshots.open();
  }

  /** The process and its pipes are let go when the engine closes. */
  track(child: ChildEngineProcess): void {
    this.#processes.add(child);
    const forget = (): boolean => this.#processes.delete(child);
    child.exited.then(forget, forget);
  }

  trackConnection(socket: Duplex): void {
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
  }

  close(): void {
    this.#closed = true;
    for (const child of this.#processes) child.release();
    this.ptys.release();
    for (const socket of this.#connections) socket.destroy();
  }

  /** @throws EngineError `SANDBOX_NOT_FOUND`. */
  async load(id: string): Promise<StoredSandbox> {
    const stored = await this.find(id);
    if (!stored) throw new EngineError("SANDBOX_NOT_FOUND", `There is no sandbox ${id}`);
    return stored;
  }

  /** Undefined also for a sandbox that is still being created. */
  async find(id: string): Promise<StoredSandbox | undefined> {
    this.#assertOpen();
    if (!isSandboxId(id)) return undefined;
    const folder = sandboxFolder(this.directory, id);
    const record = await readRecord<SandboxRecord>(folder.record);
    if (record?.phase !== "ready" || record.isolation !== this.confinement.isolation) {
      return undefined;
    }
    return { folder, record };
  }

  async ids(): Promise<string[]> {
    this.#assertOpen();
    return readdir(join(this.directory, "sandboxes"));
  }

  async save(record: SandboxRecord): Promise<void> {
    await writeRecord(sandboxFolder(this.directory, record.id).record, record);
  }

  /** Runs an action on the newest record while nobody else changes the sandbox. */
  async exclusively<T>(id: string, action: (stored: StoredSandbox) => Promise<T>): Promise<T> {
    await this.load(id);
    return withLock(this.#lockPath(id), async () =>
      action(await recoverLayer(this, await this.load(id))),
    );
  }

  /** Creates and starts a sandbox; on any failure nothing is left of it. */
  async create(options: EngineSandboxOptions): Promise<StoredSandbox> {
    this.#assertOpen();
    const id = options.id ?? randomUUID();
    const creator = identifyProcess(process.pid);
    if (!creator) throw new EngineError("STATE_UNREADABLE", "/proc is not readable");
    const marker = randomUUID();
    const limits = await this.confinement.planLimits(options.limits ?? {}, marker);
    const blank: SandboxRecord = {
      version: 1,
      id,
      isolation: this.confinement.isolation,
      createdAt: new Date().toISOString(),
      phase: "creating",
      creator,
      marker,
      env: { ...options.env },
      mounts: structuredClone(options.mounts ?? []),
      ...(limits === undefined ? {} : { limits }),
      ...(options.network === "none" ? { network: "none" as const } : {}),
      metadata: structuredClone(options.metadata ?? {}),
      run: null,
    };
    const folder = sandboxFolder(this.directory, id);
    const record =
      options.snapshotId === undefined
        ? await this.#claim(blank)
        : await this.#claimOnSnapshot(blank, options.snapshotId);
    const stored: StoredSandbox = { folder, record };
    try {
      const run = await this.confinement.create(stored);
      const { layers = [], ...finished } = { ...record, phase: "ready" as const, run };
      const ready: SandboxRecord = this.confinement.sharesLayers
        ? { ...finished, layers }
        : finished;
      await this.save(ready);
      return { folder, record: ready };
    } catch (error) {
      await this.#undo(stored, error);
      throw error;
    }
  }

  /** Ends a sandbox and removes all of it. Does nothing when there is none. */
  async remove(id: string): Promise<void> {
    if (!(await this.find(id))) return;
    await withLock(this.#lockPath(id), async () => {
      const stored = await this.find(id);
      if (!stored) return;
      this.ptys.hangUp(id);
      await this.confinement.kill(stored);
      await this.#discard(id);
    });
    await this.#removeLockClaims(id);
    await this.snapshots.collect();
  }

  async #undo(stored: StoredSandbox, reason: unknown): Promise<void> {
    try {
      await this.confinement.kill(stored);
      await this.#discard(stored.record.id);
    } catch (error) {
      throw new AggregateError(
        [reason, error],
        `The sandbox ${stored.record.id} could not be created, nor what there was of it taken away`,
      );
    }
  }

  /** Of a snapshot and its layers nothing can vanish before the new sandbox names them. */
  #claimOnSnapshot(blank: SandboxRecord, snapshotId: string): Promise<SandboxRecord> {
    return this.snapshots.exclusively(async () => {
      const { layers, sourceId, temporaryFiles } = await this.snapshots.load(snapshotId);
      const origin = { snapshotId, sourceId, temporaryFiles };
      return this.#claim({ ...blank, layers, origin });
    });
  }

  /** The folder gets its name with the record in it, so a folder never is there without saying whose it is. */
  async #claim(record: SandboxRecord): Promise<SandboxRecord> {
    const { path } = sandboxFolder(this.directory, record.id);
    const staged = join(this.directory, "staging", nameOfOwner());
    try {
      await mkdir(staged, { mode: 0o700 });
      // Not forced to the disk: after a crash of the machine nobody misses what was being created.
      const name = basename(sandboxFolder("/", record.id).record);
      await writeFile(join(staged, name), formatRecord(record), { mode: 0o600 });
      await rename(staged, path);
      return record;
    } catch (error) {
      await removeTree(staged);
      if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
      throw new EngineError("SANDBOX_EXISTS", `There is already a sandbox ${record.id}`);
    }
  }

  /** The rename makes the sandbox vanish at once; if we die while removing the rest, the next `open` goes on. */
  async #discard(id: string): Promise<void> {
    const trash = join(this.directory, "trash", `${id}-${randomUUID()}`);
    await rename(sandboxFolder(this.directory, id).path, trash);
    await removeTree(trash);
  }

  async #isGarbage(id: string): Promise<boolean> {
    const folder = sandboxFolder(this.directory, id);
    try {
      const record = await readRecord<SandboxRecord>(folder.record);
      return record?.phase === "creating" && !isProcessAlive(record.creator);
    } catch (error) {
      // A record that we cannot read may be a sandbox that somebody needs: it is kept, and `get` says what is wrong with it.
      if (error instanceof EngineError) return false;
      throw error;
    }
  }

  async #removeGarbage(id: string): Promise<void> {
    await withLock(this.#lockPath(id), async () => {
      if (!(await this.#isGarbage(id))) return;
      const folder = sandboxFolder(this.directory, id);
      const record = await readRecord<SandboxRecord>(folder.record);
      if (record) await this.confinement.kill({ folder, record });
      await this.#discard(id);
    });
    await this.#removeLockClaims(id);
  }

  async #removeLockClaims(id: string): Promise<void> {
    const locks = join(this.directory, "locks");
    for (const name of await readdir(locks)) {
      if (name.startsWith(`${id}.lock.broken.`)) await rm(join(locks, name), { force: true });
    }
  }

  #lockPath(id: string): string {
    return join(this.directory, "locks", `${id}.lock`);
  }

  #assertOpen(): void {
    if (this.#closed) throw new EngineError("ENGINE_CLOSED", "The engine has been closed");
  }
}

export function isSandboxId(id: string): boolean {
  return /^[A-Za-z0-9-]{1,64}$/.test(id);
}
