import { setImmediate as immediate } from "node:timers/promises";
import type { RunLimits } from "../limits/sandbox-limiter.ts";
import { readBootId, signalProcess } from "../processes/process-identity.ts";
import type { ProgramStarter } from "../processes/program-starter.ts";
import { mustEmptyTemporary, prepareForMounting, TEMPORARY } from "../snapshots/own-layer.ts";
import type { SandboxRun } from "../state/sandbox-record.ts";
import { bindMountsToCheck, makeSubpaths } from "./bind-mounts.ts";
import type { StoredSandbox } from "./confinement.ts";
import { type HostSecrets, hiddenFrom } from "./hidden-paths.ts";
import { holderPlan } from "./holder-plan.ts";
import type { HostPrivileges } from "./host-privileges.ts";
import { checkMounts } from "./mount-check.ts";
import { planMounts } from "./mount-plan.ts";
import { NamespaceHolder, type SandboxToBuild } from "./namespace-holder.ts";
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

/**
 * Mounts a sandbox's tree and starts its first process and that one's keeper. Rejects with nothing left running.
 *
 * @param layOut - Makes the files of a new sandbox. Its keeper is started beside that.
 */
export async function buildSandbox(
  sandbox: StoredSandbox,
  tools: BuildTools,
  limits: RunLimits,
  layOut: () => void | Promise<void>,
): Promise<SandboxRun> {
  const { starter, secrets } = tools;
  const { marker } = sandbox.record;
  const { path } = sandbox.folder;
  const { group } = limits;
  const starting = NamespaceHolder.start({ marker, folder: path, starter, group });
  const secretPaths = secrets.search();
  // Both go on beside what follows, and whoever waits for them learns of a failure.
  starting.catch(() => undefined);
  secretPaths.catch(() => undefined);
  let toBuild: PlannedSandbox;
  try {
    // What follows is synchronous, and would hold up what has just begun.
    await immediate();
    await layOut();
    toBuild = await planSandbox(sandbox, tools, limits, secretPaths);
  } catch (error) {
    await starting.then(
      (holder) => holder.abandon(),
      () => undefined,
    );
    throw error;
  }
  const { holder, mountTable } = await (await starting).build(toBuild);
  try {
    toBuild.check(mountTable);
  } catch (error) {
    signalProcess(holder, "SIGKILL");
    throw error;
  }
  return { bootId: readBootId(), holder };
}

interface PlannedSandbox extends SandboxToBuild {
  /** Throws when the mounts are not those of the plan. */
  readonly check: (mountTable: string) => void;
}

async function planSandbox(
  sandbox: StoredSandbox,
  { system, toolsFolder, privileges }: BuildTools,
  { memoryBytes }: RunLimits,
  secretPaths: Promise<readonly string[]>,
): Promise<PlannedSandbox> {
  const { folder, record } = sandbox;
  const layers = SandboxLayers.of(sandbox);
  refreshResolverConfiguration(layers, folder.resolverConfiguration);
  const overlaid = usableMountPoints(layers, system.overlaid);
  prepareForMounting(sandbox, overlaid);
  const mounts = await makeSubpaths(record.mounts);
  const plan = planMounts({ overlaid, layers, system, privileges, toolsFolder, memoryBytes });
  const hiddenPaths = secretPaths.then((paths) => hiddenFrom(layers, paths));
  hiddenPaths.catch(() => undefined);
  return {
    plan: holderPlan({
      marker: record.marker,
      folder,
      mounts,
      hostname: record.id,
      hasOwnNetwork: record.network === "none",
      emptied: mustEmptyTemporary(sandbox) ? [TEMPORARY] : [],
      plan,
      privileges,
    }),
    hiddenPaths,
    check: (mountTable) => checkMounts(mountTable, folder.path, plan, bindMountsToCheck(mounts)),
  };
}
