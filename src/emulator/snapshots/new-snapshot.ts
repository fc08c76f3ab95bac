import { randomUUID } from "node:crypto";
import type { EmulatorServices } from "../emulator-services.ts";
import { SnapshotEntry } from "./snapshot-entry.ts";
import type { SnapshotRecord, StoredSnapshotState } from "./snapshot-record.ts";

interface NewSnapshot extends Partial<SnapshotRecord> {
  readonly name: string;
  readonly organizationId: string | undefined;
  readonly state: StoredSnapshotState;
}

/** An entry that the store does not have yet. Resources are Daytona's own unless given. */
export function newSnapshot(
  { clock, engine }: Pick<EmulatorServices, "clock" | "engine">,
  given: NewSnapshot,
): SnapshotEntry {
  const now = clock.now().toISOString();
  return new SnapshotEntry(
    {
      id: randomUUID(),
      general: false,
      imageName: undefined,
      build: undefined,
      image: undefined,
      errorReason: undefined,
      sizeGiB: undefined,
      entrypoint: undefined,
      cpu: 1,
      memoryGiB: 1,
      diskGiB: 3,
      sourceSandboxId: undefined,
      createdAt: now,
      updatedAt: now,
      lastUsedAt: undefined,
      activatedAt: undefined,
      ...given,
    },
    engine,
  );
}
