import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../engine-error.ts";
import type { EngineSnapshotOptions } from "../engine-types.ts";
import type { StoredSandbox } from "../isolation/confinement.ts";
import { nameOfOwner } from "../state/owned-folders.ts";
import { removeTree } from "../state/remove-tree.ts";
import type { SandboxRecord } from "../state/sandbox-record.ts";
import type { SandboxStore } from "../state/sandbox-store.ts";
import { whileFrozen } from "./freeze-processes.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";

/** The options of a mount fit into one page of memory. */
const MAX_LAYERS = 100;

/** Makes a snapshot of a sandbox that nobody else changes meanwhile. With mode `stop` the sandbox has been stopped. */
export async function makeSnapshot(
  store: SandboxStore,
  stored: StoredSandbox,
  options: EngineSnapshotOptions,
): Promise<SnapshotRecord> {
  const { record } = stored;
  const { id = randomUUID(), metadata = {} } = options;
  await store.snapshots.assertFree(id);
  const below = record.layers ?? [];
  if (below.length >= MAX_LAYERS) {
    throw new EngineError(
      "SNAPSHOT_FAILED",
      `The sandbox ${record.id} stands on ${below.length} layers, and more are not possible`,
    );
  }
  const snapshot: SnapshotRecord = {
    version: 1,
    id,
    isolation: record.isolation,
    createdAt: new Date().toISOString(),
    sourceId: record.id,
    temporaryFiles: options.temporaryFiles ?? false,
    layers: [randomUUID(), ...below],
    metadata: structuredClone(metadata),
  };
  if (options.mode === "stop" && store.confinement.sharesLayers) {
    await giveAwayLayer(store, stored, snapshot);
    await store.snapshots.publish(snapshot);
  } else {
    await copyLayer(store, stored, snapshot, options.signal);
  }
  return snapshot;
}

/** Finishes, or forgets, what a process began that died while it gave a sandbox's layer away. */
export async function recoverLayer(
  store: SandboxStore,
  stored: StoredSandbox,
): Promise<StoredSandbox> {
  const { layerInTheMaking, ...record } = stored.record;
  if (layerInTheMaking === undefined) return stored;
  const { layerId } = layerInTheMaking;
  const path = store.snapshots.layerPath(layerId);
  if (existsSync(path)) await store.confinement.giveAwayFiles(stored, path, layerInTheMaking);
  const layers = record.layers ?? [];
  const recovered: SandboxRecord = existsSync(path)
    ? { ...record, layers: [layerId, ...layers] }
    : record;
  await store.save(recovered);
  return { ...stored, record: recovered };
}

async function giveAwayLayer(
  store: SandboxStore,
  stored: StoredSandbox,
  { layers: [layerId = ""], temporaryFiles }: SnapshotRecord,
): Promise<void> {
  await store.confinement.kill(stored);
  const record: SandboxRecord = { ...stored.record, run: null };
  await store.save({ ...record, layerInTheMaking: { layerId, temporaryFiles } });
  const path = store.snapshots.layerPath(layerId);
  await store.confinement.giveAwayFiles(stored, path, { temporaryFiles });
  await store.save({ ...record, layers: [layerId, ...(record.layers ?? [])] });
}

async function copyLayer(
  store: SandboxStore,
  stored: StoredSandbox,
  snapshot: SnapshotRecord,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { confinement } = store;
  const { run } = stored.record;
  const staged = join(store.directory, "staging", nameOfOwner());
  try {
    await mkdir(staged, { mode: 0o700 });
    const processes = (): number[] =>
      run && confinement.isRunning(run) ? confinement.processes({ ...stored, run }) : [];
    const { temporaryFiles } = snapshot;
    await whileFrozen(processes, () =>
      confinement.copyFiles(stored, staged, { temporaryFiles, signal }),
    );
    await store.snapshots.publish(snapshot, staged);
  } finally {
    await removeTree(staged);
  }
}
