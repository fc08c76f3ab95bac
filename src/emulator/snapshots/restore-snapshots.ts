import type { LocalEngine } from "../../engine/local-engine.ts";
import { metadataKey } from "../state/sandbox-entry.ts";
import { SnapshotEntry } from "./snapshot-entry.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import type { SnapshotStore } from "./snapshot-store.ts";

/**
 * Finds the snapshots that an earlier emulator left in the engine's directory. What is there is complete, so one in the midst
 * of a change is usable; one that was being deleted is deleted.
 */
export async function restoreSnapshots(engine: LocalEngine, store: SnapshotStore): Promise<void> {
  for (const { id, metadata } of await engine.listSnapshots()) {
    const record = structuredClone(metadata[metadataKey]) as SnapshotRecord | undefined;
    if (record === undefined) continue;
    if (record.state === "removing") {
      await engine.deleteSnapshot(id);
      continue;
    }
    if (!["inactive", "error", "build_failed"].includes(record.state)) record.state = "active";
    store.add(new SnapshotEntry(record, engine, { isRestored: true }));
  }
}
