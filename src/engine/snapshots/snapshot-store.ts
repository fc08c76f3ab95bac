import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../engine-error.ts";
import type { Isolation } from "../engine-types.ts";
import { readRecord, writeRecord } from "../state/record-file.ts";
import { removeTree } from "../state/remove-tree.ts";
import { sandboxFolder } from "../state/sandbox-folder.ts";
import { withLock } from "../state/sandbox-lock.ts";
import type { SandboxRecord } from "../state/sandbox-record.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";

const EXTENSION = ".json";

/** The snapshots of one engine directory, and the layers that they and sandboxes stand on. */
export class SnapshotStore {
  readonly #directory: string;
  readonly #isolation: Isolation;

  constructor(directory: string, isolation: Isolation) {
    this.#directory = directory;
    this.#isolation = isolation;
  }

  async open(): Promise<void> {
    for (const name of ["snapshots", "layers"]) {
      await mkdir(join(this.#directory, name), { recursive: true, mode: 0o700 });
    }
    await this.#removeHalfWritten();
    await this.collect();
  }

  layerPath(layerId: string): string {
    return join(this.#directory, "layers", layerId);
  }

  async find(id: string): Promise<SnapshotRecord | undefined> {
    const record = await this.#read(id);
    return record?.isolation === this.#isolation ? record : undefined;
  }

  /** @throws EngineError `SNAPSHOT_NOT_FOUND`. */
  async load(id: string): Promise<SnapshotRecord> {
    const record = await this.find(id);
    if (!record) throw new EngineError("SNAPSHOT_NOT_FOUND", `There is no snapshot ${id}`);
    return record;
  }

  /** In no particular order; one whose record cannot be read is left out with a warning of this process. */
  async list(): Promise<SnapshotRecord[]> {
    const records = await Promise.all(
      (await this.#ids()).map(async (id) => {
        try {
          return await this.find(id);
        } catch (error) {
          if (!(error instanceof EngineError) || error.code !== "STATE_UNREADABLE") throw error;
          process.emitWarning(`The snapshot ${id} is left out: ${error.message}`);
          return undefined;
        }
      }),
    );
    return records.filter((record) => record !== undefined);
  }

  /** @throws EngineError `SNAPSHOT_EXISTS`. */
  async assertFree(id: string): Promise<void> {
    if (!(await this.#read(id))) return;
    throw new EngineError("SNAPSHOT_EXISTS", `There is already a snapshot ${id}`);
  }

  /** @param staged - The content of the snapshot's uppermost layer, to be moved to its place. */
  async publish(record: SnapshotRecord, staged?: string): Promise<void> {
    await this.exclusively(async () => {
      await this.assertFree(record.id);
      if (staged !== undefined) await rename(staged, this.layerPath(record.layers[0] as string));
      await writeRecord(this.#path(record.id), record);
    });
  }

  async setMetadata(id: string, metadata: SnapshotRecord["metadata"]): Promise<void> {
    await this.exclusively(async () => {
      const record: SnapshotRecord = { ...(await this.load(id)), metadata };
      await writeRecord(this.#path(id), record);
    });
  }

  async remove(id: string): Promise<void> {
    const found = await this.exclusively(async () => {
      if (!(await this.find(id))) return false;
      await rm(this.#path(id), { force: true });
      return true;
    });
    if (found) await this.collect();
  }

  /**
   * Removes the layers that no sandbox and no snapshot stands on. Nothing goes while a record cannot be read, because it may
   * name a layer.
   */
  async collect(): Promise<void> {
    const layers = join(this.#directory, "layers");
    if ((await readdir(layers)).length === 0) return;
    const discarded = await this.exclusively(async () => {
      // In this order: a sandbox names a layer before it is there, so whoever is there now is named by what is read next. A layer
      // that came after the records were read would look as if nobody needed it.
      const present = await readdir(layers);
      const used = await this.#usedLayers();
      if (!used) return [];
      const unused = present.filter((layer) => !used.has(layer));
      return Promise.all(
        unused.map(async (layer) => {
          const trash = join(this.#directory, "trash", `${layer}-${randomUUID()}`);
          await rename(join(layers, layer), trash);
          return trash;
        }),
      );
    });
    for (const trash of discarded) await removeTree(trash);
  }

  /** What a process left that died while it wrote a record. All are written by whoever holds the lock. */
  async #removeHalfWritten(): Promise<void> {
    const directory = join(this.#directory, "snapshots");
    const halfWritten = async (): Promise<string[]> =>
      (await readdir(directory)).filter((name) => !name.endsWith(EXTENSION));
    if ((await halfWritten()).length === 0) return;
    await this.exclusively(async () => {
      for (const name of await halfWritten()) await rm(join(directory, name), { force: true });
    });
  }

  /** Runs an action while nobody else changes which layers are in use. */
  exclusively<T>(action: () => Promise<T>): Promise<T> {
    // No sandbox has an id with an underscore.
    return withLock(join(this.#directory, "locks", "all_layers.lock"), action);
  }

  async #usedLayers(): Promise<Set<string> | undefined> {
    const used = new Set<string>();
    try {
      for (const id of await this.#ids()) {
        for (const layer of (await this.#read(id))?.layers ?? []) used.add(layer);
      }
      for (const id of await readdir(join(this.#directory, "sandboxes"))) {
        const folder = sandboxFolder(this.#directory, id);
        const record = await readRecord<SandboxRecord>(folder.record);
        for (const layer of record?.layers ?? []) used.add(layer);
        if (record?.layerInTheMaking) used.add(record.layerInTheMaking.layerId);
      }
    } catch (error) {
      if (error instanceof EngineError && error.code === "STATE_UNREADABLE") return undefined;
      throw error;
    }
    return used;
  }

  async #read(id: string): Promise<SnapshotRecord | undefined> {
    return readRecord<SnapshotRecord>(this.#path(id));
  }

  async #ids(): Promise<string[]> {
    return (await readdir(join(this.#directory, "snapshots")))
      .filter((name) => name.endsWith(EXTENSION))
      .map((name) => name.slice(0, -EXTENSION.length));
  }

  #path(id: string): string {
    return join(this.#directory, "snapshots", `${id}${EXTENSION}`);
  }
}
