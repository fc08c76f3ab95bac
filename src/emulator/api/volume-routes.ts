import type { CreateVolume, VolumeDto } from "@daytona/api-client";
import * as z from "zod/mini";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import { sendEmpty, sendJson } from "../http/send.ts";
import type { VolumeRecord } from "../state/volumes.ts";
import { parseApiBody } from "../wire/parse-body.ts";
import type { ApiCall, ApiRoutes } from "./api-call.ts";
import { checkDisplayName } from "./create-rules.ts";

const createSchema = z.object({ name: z.string() } satisfies {
  [Field in keyof CreateVolume]-?: z.ZodMiniType;
});

export const defaultVolumeQuota = 100;

/** Volumes (Daytona v0.190 API, volume controller and service). */
export function addVolumeRoutes(routes: ApiRoutes, services: EmulatorServices): void {
  const { volumes, store, quotas } = services;
  const send = (call: ApiCall, record: VolumeRecord) =>
    sendJson(call.response, 200, volumeDto(record));

  routes.add("GET", "/volumes", {
    permission: "read:volumes",
    handle: (call) => {
      const own = volumes.ofOrganization(call.key.organizationId).toSorted(newestUseFirst);
      sendJson(call.response, 200, own.map(volumeDto));
    },
  });
  routes.add("POST", "/volumes", {
    permission: "write:volumes",
    handle: async (call) => {
      const { name } = await parseApiBody(call.request, createSchema);
      checkDisplayName(name);
      const own = volumes.ofOrganization(call.key.organizationId);
      const { volumes: most = defaultVolumeQuota } = quotas;
      if (own.length >= most)
        throw new ApiError(400, `Volume quota exceeded. Maximum allowed: ${most}`);
      if (own.some((volume) => volume.name === name))
        throw new ApiError(400, `Volume with name ${name} already exists`);
      send(call, volumes.create(call.key.organizationId, name));
    },
  });
  routes.add("GET", "/volumes/by-name/{name}", {
    permission: "read:volumes",
    handle: (call) => {
      const { name = "" } = call.params;
      const own = volumes.ofOrganization(call.key.organizationId);
      const found = own.find((volume) => volume.name === name);
      if (!found) throw new ApiError(404, `Volume with name ${name} not found`);
      send(call, found);
    },
  });
  routes.add("GET", "/volumes/{volumeId}", {
    permission: "read:volumes",
    handle: (call) => send(call, volumeOfCall(services, call)),
  });
  routes.add("DELETE", "/volumes/{volumeId}", {
    permission: "delete:volumes",
    handle: (call) => {
      const record = volumeOfCall(services, call);
      if (record.state !== "ready" && record.state !== "error")
        throw new ApiError(
          400,
          "Volume must be in 'ready' or 'error' state in order to be deleted",
        );
      const user = store
        .ofOrganization(record.organizationId)
        .map((entry) => entry.record)
        .find(
          ({ desiredState, volumes: mounted }) =>
            desiredState !== "destroyed" && mounted.some(({ volumeId }) => volumeId === record.id),
        );
      if (user)
        throw new ApiError(
          409,
          `Volume cannot be deleted because it is in use by one or more sandboxes (e.g. ${user.name})`,
        );
      volumes.delete(record);
      sendEmpty(call.response, 200);
    },
  });
}

function volumeOfCall({ volumes }: EmulatorServices, { params, key }: ApiCall): VolumeRecord {
  const { volumeId = "" } = params;
  const found = volumes.ofOrganization(key.organizationId).find(({ id }) => id === volumeId);
  if (!found) throw new ApiError(404, `Volume with ID ${volumeId} not found`);
  return found;
}

/**
 * The ready volume that a create names by id or name.
 *
 * @throws ApiError 404 when there is none, 400 when it is not ready.
 */
export function readyVolume(
  { volumes }: EmulatorServices,
  organizationId: string,
  idOrName: string,
): VolumeRecord {
  const own = volumes.ofOrganization(organizationId);
  const found =
    own.find(({ id }) => id === idOrName.toLowerCase()) ??
    own.find(({ name }) => name === idOrName);
  if (!found) throw new ApiError(404, `Volume '${idOrName}' not found`);
  if (found.state !== "ready")
    throw new ApiError(
      400,
      `Volume '${found.name}' is not in a ready state. Current state: ${found.state}`,
    );
  return found;
}

export function volumeDto(record: VolumeRecord): VolumeDto {
  const { id, name, organizationId, state, createdAt, updatedAt, lastUsedAt } = record;
  return {
    id,
    name,
    organizationId,
    state,
    createdAt,
    updatedAt,
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
    errorReason: record.errorReason ?? null,
  };
}

function newestUseFirst(one: VolumeRecord, other: VolumeRecord): number {
  const byUse = (other.lastUsedAt ?? "").localeCompare(one.lastUsedAt ?? "");
  return byUse || other.createdAt.localeCompare(one.createdAt);
}
