import { randomUUID } from "node:crypto";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { identifyProcess } from "../processes/process-identity.ts";
import type { ProgramStarter } from "../processes/program-starter.ts";
import {
  GROUP_PREFIX,
  groupsIn,
  joinFiles,
  makeControlGroups,
  planControlGroups,
  removeControlGroups,
} from "./control-groups.ts";
import { applyDefaults } from "./engine-limits.ts";
import {
  type ControlGroupParent,
  findControlGroupParents,
  ownMembership,
  thisMachine,
} from "./find-control-groups.ts";

/** Who made a group that shows whether there can be groups: PID and start time. */
const TRIAL = new RegExp(`^${GROUP_PREFIX}trial-([0-9]+)-([0-9]+)-`);

let known: { readonly key: string; readonly parents: Promise<ControlGroupParent[]> } | undefined;

/** Tried once for each user and group that this process is in: rights to a file are not yet rights to move a process. */
export function usableParents(starter: ProgramStarter): Promise<ControlGroupParent[]> {
  const key = `${process.geteuid?.()} ${ownMembership()}`;
  if (known?.key !== key) known = { key, parents: tryParents(starter) };
  return known.parents;
}

async function tryParents(starter: ProgramStarter): Promise<ControlGroupParent[]> {
  const usable: ControlGroupParent[] = [];
  for (const parent of findControlGroupParents(thisMachine())) {
    await removeForgottenTrials(parent);
    if (await canJoin(starter, parent)) usable.push(parent);
  }
  return usable;
}

async function canJoin(starter: ProgramStarter, parent: ControlGroupParent): Promise<boolean> {
  const self = identifyProcess(process.pid);
  if (self === undefined) return false;
  const groups = planControlGroups(
    [parent],
    `trial-${self.pid}-${self.startTicks}-${randomUUID()}`,
  );
  try {
    makeControlGroups(groups, applyDefaults({}));
    // Whoever may write to a group of version 1 may move its own processes there.
    if (parent.version === 1) return true;
    const { started, descriptors } = await starter.startWithPipes({
      argv: ["/bin/true"],
      cwd: "/",
      env: {},
      group: { joins: joinFiles(groups) },
    });
    for (const descriptor of descriptors) closeSync(descriptor);
    return (await started.exited).exitCode === 0;
  } catch {
    return false;
  } finally {
    await starter.leaveGroup({ joins: joinFiles(groups) });
    // An empty group that cannot be removed costs nothing, and the trial has its answer.
    await removeControlGroups(groups).catch(() => undefined);
  }
}

/** Takes away what processes left that died in a trial. */
async function removeForgottenTrials({ version, directory }: ControlGroupParent): Promise<void> {
  for (const name of groupsIn(directory)) {
    const [, pid, startTicks] = TRIAL.exec(name) ?? [];
    if (pid === undefined || identifyProcess(Number(pid))?.startTicks === startTicks) continue;
    const forgotten = { version, directory: join(directory, name), controllers: [] };
    // Somebody else may be at it, too.
    await removeControlGroups([forgotten]).catch(() => undefined);
  }
}
