import { createHash } from "node:crypto";
import type { VolumeConfig } from "../../contract/config.ts";
import { VolumeError } from "../../contract/provider-errors.ts";
import type { EngineMount } from "../../engine/engine-types.ts";
import type { OpenEngine } from "./local-connection.ts";

/**
 * Finds the volumes by name and makes those that are missing.
 *
 * @throws {@link VolumeError}
 */
export async function localMounts(
  { engine }: OpenEngine,
  volumes: readonly VolumeConfig[] = [],
): Promise<EngineMount[]> {
  const mounts: EngineMount[] = [];
  for (const { name, mountPath, subpath, create = true } of volumes) {
    const id = localVolumeId(name);
    const found = await engine.volumes.get(id);
    if (found === undefined && !create) {
      throw new VolumeError(`There is no volume ${name}, and \`create\` is false for it.`);
    }
    const { directory } = found ?? (await getOrCreate(engine, id, name));
    mounts.push({
      source: directory,
      target: mountPath,
      ...(subpath === undefined ? {} : { subpath }),
    });
  }
  return mounts;
}

async function getOrCreate(engine: OpenEngine["engine"], id: string, name: string) {
  try {
    return await engine.volumes.create(id, { name });
  } catch (error) {
    if ((error as { code?: unknown } | undefined)?.code !== "VOLUME_EXISTS") throw error;
    // Another process made it in the same moment.
    const found = await engine.volumes.get(id);
    if (found === undefined) throw error;
    return found;
  }
}

/** A name of the user's can hold what no file name can. */
function localVolumeId(name: string): string {
  const slug = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 12);
  return `${slug.slice(0, 40) || "volume"}-${hash}`;
}
