import * as z from "zod/mini";
import { type ApiCall, type ApiRoutes, sandboxOfCall, sendSandbox } from "../api/api-call.ts";
import { checkSnapshot } from "../api/lifecycle-rules.ts";
import type { EmulatorServices } from "../emulator-services.ts";
import { ApiError } from "../http/api-error.ts";
import type { SandboxEntry } from "../state/sandbox-entry.ts";
import { parseApiBody } from "../wire/parse-body.ts";
import { newSnapshot } from "./new-snapshot.ts";
import type { SnapshotEntry } from "./snapshot-entry.ts";
import { checkNameIsFree, checkSnapshotName, checkSnapshotQuota } from "./snapshot-rules.ts";

const bodySchema = z.object({ name: z.string(), includeMemory: z.optional(z.boolean()) });

/** `POST /sandbox/{id}/snapshot`: the files of a sandbox, which is `snapshotting` meanwhile and then what it was before. */
export function addSnapshotSandboxRoute(routes: ApiRoutes, services: EmulatorServices): void {
  routes.add("POST", "/sandbox/{sandboxIdOrName}/snapshot", {
    permission: "write:snapshots",
    handle: async (call) => {
      const body = await parseApiBody(call.request, bodySchema);
      snapshotSandbox(services, call, body);
    },
  });
}

function snapshotSandbox(
  services: EmulatorServices,
  call: ApiCall,
  { name, includeMemory }: z.infer<typeof bodySchema>,
): void {
  const { organizationId } = call.key;
  const sandbox = sandboxOfCall(services, call);
  checkSnapshotName(name);
  checkSnapshot(sandbox.record);
  if (includeMemory && services.profile.newerRoutes) {
    throw new ApiError(400, "Memory snapshots are not supported for container sandboxes");
  }
  checkSnapshotQuota(services, organizationId);
  const { cpu, memoryGiB, diskGiB, image, entrypoint } = sandbox.record;
  const snapshot = newSnapshot(services, {
    name,
    organizationId,
    state: "snapshotting",
    cpu,
    memoryGiB,
    diskGiB,
    image,
    entrypoint,
    sourceSandboxId: sandbox.id,
  });
  if (services.profile.snapshotAppearsAtOnce) {
    checkNameIsFree(services, name, organizationId);
    services.snapshots.add(snapshot);
  }
  services.lifecycle.snapshot(sandbox, (signal) => make(services, sandbox, snapshot, signal));
  sendSandbox(services, call, sandbox);
}

/** Server 0.190 commits first; what goes wrong on the way, a taken name too, leaves nothing and is told to nobody. */
async function make(
  services: EmulatorServices,
  sandbox: SandboxEntry,
  snapshot: SnapshotEntry,
  signal: AbortSignal,
): Promise<void> {
  const { engine, snapshots, snapshotLifecycle, profile } = services;
  await snapshotLifecycle.run(snapshot, async (ended) => {
    await snapshotLifecycle.pass(snapshot, "snapshotting", AbortSignal.any([signal, ended]));
    await engine.createSnapshot(sandbox.id, {
      id: snapshot.id,
      metadata: snapshot.metadata(),
      signal: AbortSignal.any([signal, ended]),
    });
    snapshot.hasFiles = true;
    if (profile.snapshotAppearsAtOnce) return;
    try {
      checkNameIsFree(services, snapshot.record.name, snapshot.record.organizationId ?? "");
      snapshots.add(snapshot);
    } catch (error) {
      await snapshot.deleteFiles();
      snapshot.hasFiles = false;
      throw error;
    }
  });
}
