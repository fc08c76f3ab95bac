import type { RunLimits } from "../limits/sandbox-limiter.ts";
import { readBootId, signalProcess } from "../processes/process-identity.ts";
import type { ProgramStarter } from "../processes/program-starter.ts";
import { mustEmptyTemporary, prepareForMounting, TEMPORARY } from "../snapshots/own-layer.ts";
import type { SandboxRun } from "../state/sandbox-record.ts";
import { bindMountsToCheck, makeSubpaths } from "./bind-mounts.ts";
import type { StoredSandbox } from "./confinement.ts";
import type { HostSecrets } from "./hidden-paths.ts";
import { holderPlan } from "./holder-plan.ts";
import type { HostPrivileges } from "./host-privileges.ts";
import { checkMounts } from "./mount-check.ts";
import { planMounts } from "./mount-plan.ts";
import { startHolder } from "./namespace-holder.ts";
import { usableMountPoints } from "./namespace-layout.ts";
import { refreshResolverConfiguration } from "./resolver-configuration.ts";
import { SandboxLayers } from "./sandbox-layers.ts";
import type { SystemDirectories } from "./system-directories.ts";

/** What all sandboxes of an engine are built with. */
export interface BuildTools {
  readonly perl: string;
  readonly system: SystemDirectories;
  readonly toolsFolder: string;
  readonly privileges: HostPrivileges;
  readonly secrets: HostSecrets;
  readonly starter: ProgramStarter;
}

/** Mounts a sandbox's tree and starts its first process and that one's keeper. Rejects with nothing left running. */
export async function buildSandbox(
  sandbox: StoredSandbox,
  { perl, system, toolsFolder, privileges, secrets, starter }: BuildTools,
  limits: RunLimits,
): Promise<SandboxRun> {
  const { folder, record } = sandbox;
  const layers = SandboxLayers.of(sandbox);
  await refreshResolverConfiguration(layers, folder.resolverConfiguration);
  const hiddenPaths = secrets.hiddenFrom(layers);
  // It goes on beside what follows, and whoever waits for it learns of a failure.
  hiddenPaths.catch(() => undefined);
  const overlaid = usableMountPoints(layers, system.overlaid);
  prepareForMounting(sandbox, overlaid);
  const mounts = await makeSubpaths(record.mounts);
  const { memoryBytes, group } = limits;
  const plan = planMounts({ overlaid, layers, system, privileges, toolsFolder, memoryBytes });
  const { holder, mountTable } = await startHolder({
    perl,
    plan: holderPlan({
      folder,
      mounts,
      hostname: record.id,
      hasOwnNetwork: record.network === "none",
      emptied: mustEmptyTemporary(sandbox) ? [TEMPORARY] : [],
      plan,
      privileges,
    }),
    marker: record.marker,
    folder: folder.path,
    hiddenPaths,
    starter,
    group,
  });
  try {
    checkMounts(mountTable, folder.path, plan, bindMountsToCheck(mounts));
  } catch (error) {
    signalProcess(holder, "SIGKILL");
    throw error;
  }
  return { bootId: readBootId(), holder };
}
