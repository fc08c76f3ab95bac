import type { SnapshotState } from "@daytona/api-client";
import type { BuildRecord, ImageRecord } from "../state/sandbox-record.ts";

export type StoredSnapshotState = Exclude<SnapshotState, "11184809">;

/** All that the control plane knows of a snapshot. JSON: it is kept in the engine's metadata over a restart. */
export interface SnapshotRecord {
  /** Also the id of the engine's snapshot, when it has files of its own. */
  readonly id: string;
  readonly organizationId: string | undefined;
  /** Of Daytona itself: everybody's to use, nobody's to delete. */
  readonly general: boolean;
  readonly name: string;
  readonly imageName: string | undefined;
  readonly build: BuildRecord | undefined;
  /** What its image says, for the sandboxes that begin from it. */
  image: ImageRecord | undefined;
  state: StoredSnapshotState;
  errorReason: string | undefined;
  sizeGiB: number | undefined;
  entrypoint: readonly string[] | undefined;
  readonly cpu: number;
  readonly memoryGiB: number;
  readonly diskGiB: number;
  readonly sourceSandboxId: string | undefined;
  readonly createdAt: string;
  updatedAt: string;
  lastUsedAt: string | undefined;
  /** When it was activated last by a request. */
  activatedAt: string | undefined;
}
