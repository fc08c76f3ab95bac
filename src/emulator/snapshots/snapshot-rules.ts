import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";

const nameCharacters = /^[a-zA-Z0-9_.\-:/]+$/;
const defaultMaxSnapshots = 30;
const coolDownMinutes = 10;

/** Refuses a new snapshot for its name or the quota. */
export function checkNewSnapshot(
  services: EmulatorServices,
  name: string,
  organizationId: string,
): void {
  checkSnapshotName(name);
  checkSnapshotQuota(services, organizationId);
  checkNameIsFree(services, name, organizationId);
}

export function checkSnapshotName(name: string): void {
  if (name.trim() === "") throw new ApiError(400, "Snapshot name is required");
  if (!nameCharacters.test(name)) {
    throw new ApiError(
      400,
      `Invalid snapshot name "${name}": only letters, digits, "_", ".", "-", ":" and "/" are allowed`,
    );
  }
}

export function checkNameIsFree(
  { snapshots }: EmulatorServices,
  name: string,
  organizationId: string,
): void {
  if (!snapshots.nameIsTaken(name, organizationId)) return;
  throw new ApiError(409, `Snapshot with name "${name}" already exists for this organization`);
}

/** Refuses one more than the organisation may have: those that failed count too. */
export function checkSnapshotQuota(
  { snapshots, quotas }: EmulatorServices,
  organizationId: string,
): void {
  const { maxSnapshots = defaultMaxSnapshots } = quotas;
  if (snapshots.ownedBy(organizationId).length < maxSnapshots) return;
  throw new ApiError(400, `Snapshot quota exceeded. Maximum allowed: ${maxSnapshots}`);
}

export function checkDeleteSnapshot({ record }: SnapshotEntry): void {
  if (record.general) throw new ApiError(403, "You cannot delete a general snapshot");
  if (record.state === "removing") throw new ApiError(400, "Snapshot is already being removed");
}

export function checkActivateSnapshot(
  { clock }: EmulatorServices,
  { record, id }: SnapshotEntry,
): void {
  if (record.state === "active") throw new ApiError(400, `Snapshot ${id} is already active`);
  if (record.state !== "inactive") {
    throw new ApiError(400, `Snapshot ${id} cannot be activated - it is in ${record.state} state`);
  }
  if (record.activatedAt === undefined) return;
  const sinceMs = clock.now().getTime() - Date.parse(record.activatedAt);
  if (sinceMs < clock.minutesToRealMs(coolDownMinutes)) {
    throw new ApiError(400, `Snapshot ${id} cannot be activated - it was activated recently`);
  }
}

export function checkDeactivateSnapshot({ record, id }: SnapshotEntry): void {
  if (record.general) throw new ApiError(403, "You cannot deactivate a general snapshot");
  if (record.state === "inactive") return;
  if (record.state !== "active") {
    throw new ApiError(
      400,
      `Snapshot ${id} cannot be deactivated - it is in ${record.state} state`,
    );
  }
}

/** The snapshot that a new sandbox is to begin from. */
export function snapshotForCreate(
  { snapshots }: EmulatorServices,
  idOrName: string,
  organizationId: string,
): SnapshotEntry {
  const entry = snapshots.find(idOrName, organizationId);
  if (!entry) {
    throw new ApiError(
      400,
      `Snapshot ${idOrName} not found. Did you add it through the Daytona Dashboard?`,
    );
  }
  const { state } = entry.record;
  if (state !== "active") throw new ApiError(400, `Snapshot ${idOrName} is ${state}`);
  return entry;
}
