import type { EngineSnapshot, Isolation } from "../engine-types.ts";

/** What is kept on disk of a snapshot. */
export interface SnapshotRecord {
  readonly version: 1;
  readonly id: string;
  readonly isolation: Isolation;
  readonly createdAt: string;
  readonly sourceId: string;
  /** Whether `/tmp` is part of it. Layers below may hold one in any case. */
  readonly temporaryFiles: boolean;
  /** IDs of its layers, the uppermost first. */
  readonly layers: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

export function toEngineSnapshot(record: SnapshotRecord): EngineSnapshot {
  const { id, isolation, createdAt, sourceId, metadata } = record;
  return { id, isolation, createdAt: new Date(createdAt), sourceId, metadata };
}
