import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../engine-error.ts";
import { sendSignal } from "../processes/process-identity.ts";
import type { AppliedLimits } from "./engine-limits.ts";
import type { ControlGroupParent, Controller } from "./find-control-groups.ts";

/**
 * The group below the limited one in which the processes are. A process can mount its own group's tree, as root of namespaces of its
 * own, and is the owner of its files; the limits are above that.
 */
const INSIDE = "inside";
const CPU_PERIOD_US = 100_000;
const POLL_MS = 5;
/** What is left after that time is killed: another process's launcher, as a rule. */
const PATIENCE_MS = 300;
const WAIT_MS = 10_000;

/** What the names of our groups begin with. */
export const GROUP_PREFIX = "sandbox-engine-";

/** A group of ours, by its directory. */
export interface ControlGroup {
  readonly version: 1 | 2;
  readonly directory: string;
  readonly controllers: readonly Controller[];
}

/** Nothing is made yet, so that it can be written down first. */
export function planControlGroups(
  parents: readonly ControlGroupParent[],
  marker: string,
): ControlGroup[] {
  return parents.map(({ version, directory, controllers }) => ({
    version,
    directory: join(directory, `${GROUP_PREFIX}${marker}`),
    controllers,
  }));
}

/**
 * The files by which a process of a single thread joins the groups, by writing 0. Version 1 has one for threads, which does not wait until
 * every processor has let go of the lock that keeps processes whole: 0.4 instead of 13 ms (Linux 5.5, `cgroup_procs_write_start`).
 */
export function joinFiles(groups: readonly ControlGroup[]): string[] {
  return groups.map(({ version, directory }) =>
    join(directory, INSIDE, version === 1 ? "tasks" : "cgroup.procs"),
  );
}

export function makeControlGroups(groups: readonly ControlGroup[], limits: AppliedLimits): void {
  for (const group of groups) {
    mkdirSync(group.directory);
    for (const controller of group.controllers) setLimit(group, controller, limits);
    mkdirSync(join(group.directory, INSIDE));
  }
}

/** Processes and threads in the group that limits them; 0 where there is none. */
export function countProcesses(groups: readonly ControlGroup[]): number {
  const group = groups.find(({ controllers }) => controllers.includes("pids"));
  return (group && readNumber(group.directory, "pids.current")) ?? 0;
}

/**
 * Kills what is still in the groups after a moment, and removes them. Does nothing for one that is not there.
 *
 * @throws EngineError `PROCESSES_REMAIN`.
 */
export async function removeControlGroups(groups: readonly ControlGroup[]): Promise<void> {
  for (const { directory } of groups) await removeGroup(directory);
}

function setLimit(group: ControlGroup, controller: Controller, limits: AppliedLimits): void {
  for (const [name, value] of settings(group, controller, limits)) {
    writeFileSync(join(group.directory, name), value);
  }
}

/** Files and what to write to them. */
function settings(
  { version, directory }: ControlGroup,
  controller: Controller,
  { processes, memoryBytes, cpus }: AppliedLimits,
): (readonly [string, string])[] {
  switch (controller) {
    case "pids":
      return [["pids.max", String(processes)]];
    case "cpu": {
      if (cpus === undefined) return [];
      const quotaUs = String(Math.round(cpus * CPU_PERIOD_US));
      return version === 2
        ? [["cpu.max", `${quotaUs} ${CPU_PERIOD_US}`]]
        : [
            ["cpu.cfs_period_us", String(CPU_PERIOD_US)],
            ["cpu.cfs_quota_us", quotaUs],
          ];
    }
    case "memory": {
      const bytes = String(memoryBytes);
      // The kernel may be built or started without an account of the swap.
      const swap = (name: string, value: string): (readonly [string, string])[] =>
        existsSync(join(directory, name)) ? [[name, value]] : [];
      // A sandbox that lives in the swap makes the whole machine wait.
      if (version === 2) return [["memory.max", bytes], ...swap("memory.swap.max", "0")];
      return [
        // Before Linux 5.11 groups below are not counted unless one asks.
        ...(readNumber(directory, "memory.use_hierarchy") === 0
          ? [["memory.use_hierarchy", "1"] as const]
          : []),
        ["memory.limit_in_bytes", bytes],
        ...swap("memory.memsw.limit_in_bytes", bytes),
      ];
    }
  }
}

/** With those below: the sandbox's root may have made groups of its own in the inner one. */
async function removeGroup(path: string): Promise<void> {
  for (const name of groupsIn(path)) await removeGroup(join(path, name));
  const begin = performance.now();
  for (;;) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return;
      if (code !== "EBUSY") throw error;
    }
    const members = membersOf(path);
    const elapsedMs = performance.now() - begin;
    if (elapsedMs > WAIT_MS) {
      throw new EngineError(
        "PROCESSES_REMAIN",
        `Still in the control group ${path} ${WAIT_MS} ms after SIGKILL: ${members.join(", ")}`,
      );
    }
    if (elapsedMs > PATIENCE_MS) for (const pid of members) sendSignal(pid, "SIGKILL");
    await delay(POLL_MS);
  }
}

export function groupsIn(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function membersOf(path: string): number[] {
  try {
    const text = readFileSync(join(path, "cgroup.procs"), "latin1");
    // 0 stands for one that is not visible from here.
    return text
      .split("\n")
      .map(Number)
      .filter((pid) => pid > 0);
  } catch {
    return [];
  }
}

function readNumber(directory: string, name: string): number | undefined {
  try {
    const value = Number(readFileSync(join(directory, name), "latin1").trim());
    return Number.isNaN(value) ? undefined : value;
  } catch {
    return undefined;
  }
}
