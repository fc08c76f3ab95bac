import { EngineError } from "../engine-error.ts";
import type { EngineLimits, LimitMechanisms } from "../engine-types.ts";
import type { HostPrivileges } from "../isolation/host-privileges.ts";
import { isKernelAtLeast } from "../kernel-version.ts";
import type { ProgramStarter } from "../processes/program-starter.ts";
import type { ProgramGroup } from "../processes/started-program.ts";
import type { SandboxLimits, SandboxRecord } from "../state/sandbox-record.ts";
import {
  countProcesses,
  joinFiles,
  makeControlGroups,
  planControlGroups,
  removeControlGroups,
} from "./control-groups.ts";
import { applyDefaults, checkLimits } from "./engine-limits.ts";
import type { ControlGroupParent, Controller } from "./find-control-groups.ts";
import { usableParents } from "./usable-control-groups.ts";

const PROCESSES_OF_PROGRAM = 2;

export interface RunLimits {
  readonly memoryBytes: number;
  /** Where its programs are; undefined for a sandbox that was made before there were limits. */
  readonly group: ProgramGroup | undefined;
}

/** Gives sandboxes their limits by what this machine has for it. */
export class SandboxLimiter {
  readonly #starter: ProgramStarter;
  readonly #limitsUsers: boolean;

  constructor(starter: ProgramStarter, privileges: HostPrivileges) {
    this.#starter = starter;
    this.#limitsUsers = canLimitUsers(privileges);
  }

  /**
   * What a sandbox is going to have, to be written down before it is made.
   *
   * @throws EngineError `LIMITS_UNAVAILABLE` for what was asked for and cannot be had here, `INVALID_ARGUMENT`.
   */
  async plan(asked: EngineLimits, marker: string): Promise<SandboxLimits> {
    checkLimits(asked);
    const parents = await usableParents(this.#starter);
    const mechanisms = mechanismsOf(parents, this.#limitsUsers);
    for (const name of ["processes", "memoryBytes", "cpus"] as const) {
      const mechanism = mechanisms[name === "memoryBytes" ? "memory" : name];
      if (asked[name] !== undefined && mechanism === "none") throw unavailable(name);
    }
    return { asked: { ...asked }, groups: planControlGroups(parents, marker) };
  }

  /** Makes what is planned. */
  async begin({ limits }: SandboxRecord): Promise<void> {
    if (limits === undefined) return;
    makeControlGroups(limits.groups, applyDefaults(limits.asked));
    await this.#starter.warmGroup(groupOf(limits));
  }

  /** After the last process has been killed. */
  async end({ limits }: SandboxRecord): Promise<void> {
    if (limits === undefined || limits.groups.length === 0) return;
    await this.#starter.leaveGroup(groupOf(limits));
    await removeControlGroups(limits.groups);
  }

  /** Of a run that has begun. */
  limitsOf({ limits }: SandboxRecord): RunLimits {
    const { memoryBytes } = applyDefaults(limits?.asked ?? {});
    return { memoryBytes, group: limits && groupOf(limits) };
  }

  /** How many processes the user of its namespace may have, where nothing else limits them. */
  processLimit({ limits }: SandboxRecord): number | undefined {
    const hasGroup = limits?.groups.some(({ controllers }) => controllers.includes("pids"));
    if (limits === undefined || hasGroup === true || !this.#limitsUsers) return undefined;
    return applyDefaults(limits.asked).processes;
  }

  /**
   * Starts a program, unless the sandbox is full. A program takes two processes for a moment.
   *
   * @throws EngineError `LIMIT_REACHED`.
   */
  async within<Value>({ id, limits }: SandboxRecord, start: () => Promise<Value>): Promise<Value> {
    if (limits === undefined) return start();
    const { processes } = applyDefaults(limits.asked);
    const full = (cause?: unknown) =>
      new EngineError(
        "LIMIT_REACHED",
        `The sandbox ${id} has as many processes as it may have (${processes}), so no other could be started`,
        { cause },
      );
    if (processes - countProcesses(limits.groups) < PROCESSES_OF_PROGRAM) throw full();
    try {
      return await start();
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "EAGAIN" ? full(error) : error;
    }
  }
}

/** By what this machine limits the sandboxes of this user. */
export async function findLimitMechanisms(
  starter: ProgramStarter,
  privileges: HostPrivileges,
): Promise<LimitMechanisms> {
  return mechanismsOf(await usableParents(starter), canLimitUsers(privileges));
}

function mechanismsOf(
  parents: readonly ControlGroupParent[],
  limitsUsers: boolean,
): LimitMechanisms {
  const by = (controller: Controller) => {
    const parent = parents.find(({ controllers }) => controllers.includes(controller));
    return parent && (parent.version === 2 ? "cgroup-v2" : "cgroup-v1");
  };
  return {
    processes: by("pids") ?? (limitsUsers ? "rlimit" : "none"),
    memory: by("memory") ?? "none",
    cpus: by("cpu") ?? "none",
  };
}

/**
 * A sandbox of an ordinary user has a user namespace of its own, for each of which Linux 5.14 is the first to count that user's processes. Of
 * the machine's root the kernel limits no number of processes.
 */
function canLimitUsers({ needsUserNamespace }: HostPrivileges): boolean {
  return needsUserNamespace && isKernelAtLeast(5, 14);
}

function groupOf({ groups }: SandboxLimits): ProgramGroup {
  return { joins: joinFiles(groups) };
}

const words = {
  processes: ["number of processes", "pids"],
  memoryBytes: ["memory", "memory"],
  cpus: ["processor time", "cpu"],
} as const;

function unavailable(name: keyof typeof words): EngineError {
  const [what, controller] = words[name];
  return new EngineError(
    "LIMITS_UNAVAILABLE",
    `The ${what} of a sandbox cannot be limited here: there is no control group with the controller ${controller} in which this user may make others`,
  );
}
