import { setTimeout as delay } from "node:timers/promises";
import { dtoOf } from "../api/api-call.ts";
import { volumeDto } from "../api/volume-routes.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { snapshotDto } from "../snapshots/snapshot-dto.ts";
import type { SnapshotEntry } from "../snapshots/snapshot-entry.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";
import type { EventGateway } from "./event-gateway.ts";

/** Sends what happens to sandboxes, snapshots and volumes, in the forms of the real server. */
export function announceChanges(services: EmulatorServices, gateway: EventGateway): void {
  const { store, snapshots, volumes } = services;
  const send = (organizationId: string, event: string, payload: unknown) =>
    gateway.emit(organizationId, event, payload);

  const watchSandbox = (entry: SandboxEntry) => {
    const { organizationId } = entry.record;
    const sendOf = (event: string, payload: unknown) =>
      void sendUnlessLost(services, entry, () => send(organizationId, event, payload));
    entry.onStateChange = (oldState) => {
      const sandbox = dtoOf(services, entry);
      const newState = entry.record.state;
      sendOf("sandbox.state.updated", { sandbox, oldState, newState });
    };
    entry.onDesiredStateChange = (oldDesiredState) => {
      const sandbox = dtoOf(services, entry);
      const newDesiredState = entry.record.desiredState;
      sendOf("sandbox.desired-state.updated", { sandbox, oldDesiredState, newDesiredState });
    };
    return sendOf;
  };
  for (const entry of store.all()) watchSandbox(entry);
  store.onAdd = (entry) => watchSandbox(entry)("sandbox.created", dtoOf(services, entry));

  const watchSnapshot = (entry: SnapshotEntry) => {
    entry.onStateChange = (oldState) => {
      const { organizationId, state: newState } = entry.record;
      if (organizationId === undefined) return;
      const snapshot = snapshotDto(entry.record);
      send(organizationId, "snapshot.state.updated", { snapshot, oldState, newState });
    };
  };
  for (const entry of snapshots.all()) watchSnapshot(entry);
  snapshots.onAdd = (entry) => {
    watchSnapshot(entry);
    const { organizationId } = entry.record;
    if (organizationId !== undefined)
      send(organizationId, "snapshot.created", snapshotDto(entry.record));
  };
  snapshots.onRemove = ({ record }) => {
    if (record.organizationId !== undefined)
      send(record.organizationId, "snapshot.removed", snapshotDto(record));
  };

  volumes.onChange = (record, oldState) => {
    const volume = volumeDto(record);
    if (oldState === undefined) send(record.organizationId, "volume.created", volume);
    else
      send(record.organizationId, "volume.state.updated", {
        volume,
        oldState,
        newState: record.state,
      });
  };
  volumes.onUse = (record) =>
    send(record.organizationId, "volume.lastUsedAt.updated", volumeDto(record));
}

async function sendUnlessLost(
  { faults, closing }: EmulatorServices,
  { subject }: SandboxEntry,
  send: () => void,
): Promise<void> {
  const fault = faults.eventFault(subject);
  if (fault !== undefined) {
    if (fault.delayMs === undefined) return;
    try {
      await delay(fault.delayMs, undefined, { signal: closing });
    } catch {
      // The emulator is closing.
      return;
    }
  }
  send();
}
