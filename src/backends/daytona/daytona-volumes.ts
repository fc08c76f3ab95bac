import type { VolumeConfig } from "../../contract/config.ts";
import { VolumeError } from "../../contract/provider-errors.ts";
import { delay } from "../../core/delay.ts";
import { retryIdempotent } from "../../core/retry.ts";
import type { TransportCall } from "../../core/transport.ts";
import type { DaytonaConnection } from "./daytona-connection.ts";
import { classifyDaytonaError } from "./daytona-errors.ts";
import type { DaytonaClient, DaytonaVolume } from "./daytona-sdk.ts";

/** What a create request says of a volume. */
export interface VolumeMount {
  readonly volumeId: string;
  readonly mountPath: string;
  readonly subpath?: string;
}

/** Daytona looks after pending volumes every five seconds (v0.190, volume manager). */
const pollMs = 500;

/**
 * Finds the volumes by name, makes those that are missing, and waits until all are ready: Daytona refuses a sandbox with
 * another one, and its SDK's get-or-create does not wait.
 *
 * @throws {@link VolumeError}
 */
export async function readyVolumes(
  connection: DaytonaConnection,
  volumes: readonly VolumeConfig[],
  call: TransportCall,
): Promise<VolumeMount[]> {
  const names = [...new Set(volumes.map(({ name }) => name))];
  const ids = new Map<string, string>();
  await Promise.all(
    names.map(async (name) => {
      // Whoever says that it must be there already means it for every mount of it.
      const mayCreate = volumes.every((volume) => volume.name !== name || volume.create !== false);
      ids.set(name, await readyVolume(connection, name, mayCreate, call));
    }),
  );
  return volumes.map(({ name, mountPath, subpath }) => ({
    volumeId: ids.get(name) as string,
    mountPath,
    ...(subpath === undefined ? {} : { subpath }),
  }));
}

async function readyVolume(
  connection: DaytonaConnection,
  name: string,
  mayCreate: boolean,
  call: TransportCall,
): Promise<string> {
  const client = await connection.client();
  for (;;) {
    const volume =
      (await retryIdempotent(() => find(connection, client, name, call), call.signal)) ??
      (await create(connection, client, name, mayCreate, call));
    if (volume?.state === "ready") return volume.id;
    if (volume?.state === "error") {
      const reason = volume.errorReason ? `: ${volume.errorReason}` : ", and gives no reason";
      throw new VolumeError(
        `Daytona has the volume ${name} in state error${reason}. Delete it and try again.`,
      );
    }
    // On its way, or on its way out: then its name is free when it is gone.
    await delay(pollMs, call.signal);
  }
}

async function find(
  connection: DaytonaConnection,
  client: DaytonaClient,
  name: string,
  call: TransportCall,
): Promise<DaytonaVolume | undefined> {
  try {
    return await connection.request(call, () => client.volume.get(name));
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    if ((error as { statusCode?: unknown } | undefined)?.statusCode === 404) return undefined;
    throw classifyDaytonaError(error, "api");
  }
}

/** Undefined when another host has made it in the same moment. */
async function create(
  connection: DaytonaConnection,
  client: DaytonaClient,
  name: string,
  mayCreate: boolean,
  call: TransportCall,
): Promise<DaytonaVolume | undefined> {
  if (!mayCreate)
    throw new VolumeError(`Daytona has no volume ${name}, and \`create\` is false for it.`);
  try {
    return await connection.request(call, () => client.volume.create(name));
  } catch (error) {
    if (call.signal.aborted) throw call.signal.reason;
    const { statusCode, message } = error as { statusCode?: unknown; message?: unknown };
    if (statusCode === 400 && /already exists/i.test(String(message))) return undefined;
    // After a lost answer the next look tells whether it was made.
    const classified = classifyDaytonaError(error, "api");
    if (classified.code === "CONNECTION_FAILED") return undefined;
    throw classified;
  }
}
