import { existsSync, fstatSync, readFileSync, statSync } from "node:fs";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import type { ProcessGroup } from "../processes/engine-process.ts";
import {
  identifyProcess,
  isProcessAlive,
  type ProcessIdentity,
  readProcessStat,
  sendSignal,
} from "../processes/process-identity.ts";
import { listProcesses } from "../processes/process-scan.ts";
import type { StartedProgram } from "../processes/started-program.ts";

const FIRST_POLL_MS = 1;
/** On a busy machine a program takes long to get there, and many who look each millisecond would take it even longer. */
const LONGEST_POLL_MS = 8;

/**
 * Waits until the program that `parent` starts inside the sandbox leads a process group of its own (and has a terminal, if it
 * is to have one), or `parent` has ended.
 * `parent` only waits for it and mirrors how it ends; it is outside the sandbox and gets no signals.
 */
export async function findSandboxedProcess(
  parent: StartedProgram,
  { ownsTerminal = false }: { readonly ownsTerminal?: boolean } = {},
): Promise<ProcessIdentity | undefined> {
  for (
    let pollMs = FIRST_POLL_MS;
    !parent.hasEnded;
    pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)
  ) {
    const pid = childOf(parent.pid);
    if (pid !== undefined && leadsItsGroup(pid, ownsTerminal)) return identifyProcess(pid);
    // What its spawner tells of its end may not have been read yet.
    if (pid === undefined && hasEnded(parent.pid)) return undefined;
    await delay(pollMs);
    // Timers that take longer than they wait would follow each other for ever, and what tells the end would never be read.
    await turn();
  }
  return undefined;
}

/** A program that has no terminal yet would not notice that it hangs up. */
export function leadsItsGroup(pid: number, ownsTerminal: boolean): boolean {
  const stat = readProcessStat(pid);
  return stat?.groupId === pid && (stat.hasTerminal || !ownsTerminal);
}

/** The group of a program inside a sandbox, which may live on after its leader. */
export function sandboxedGroup(leader: ProcessIdentity): ProcessGroup {
  return {
    pid: leader.pid,
    signal: (name) => {
      // The number of a group with members is given to no new process: another process of this PID means that it is gone.
      const isReused = readProcessStat(leader.pid) !== undefined && !isSame(leader);
      if (!isReused) sendSignal(-leader.pid, name);
    },
  };
}

/**
 * What is left of a program that ended before it was seen: the processes that still hold one of its pipes, or its terminal. Signalled
 * one by one, since its group's number was never learnt.
 */
export function holdersOf(
  parentPid: number,
  descriptors: readonly number[],
  isInSandbox: (pid: number) => boolean,
): ProcessGroup {
  const files = descriptors.map((descriptor) => fstatSync(descriptor));
  const holdsOne = (pid: number): boolean =>
    [0, 1, 2].some((descriptor) => {
      try {
        const held = statSync(`/proc/${pid}/fd/${descriptor}`);
        return files.some(({ dev, ino }) => held.dev === dev && held.ino === ino);
      } catch {
        // The process, or its descriptor, is gone.
        return false;
      }
    });
  return {
    pid: parentPid,
    signal: (name) => {
      for (const pid of listProcesses()) {
        if (isInSandbox(pid) && holdsOne(pid)) sendSignal(pid, name);
      }
    },
  };
}

function isSame(leader: ProcessIdentity): boolean {
  return isProcessAlive(leader) || readProcessStat(leader.pid)?.startTicks === leader.startTicks;
}

function hasEnded(pid: number): boolean {
  const state = readProcessStat(pid)?.state;
  return state === undefined || state === "Z" || state === "X";
}

const kernelListsChildren = existsSync("/proc/thread-self/children");

function childOf(parentPid: number): number | undefined {
  if (!kernelListsChildren) {
    return listProcesses().find((pid) => readProcessStat(pid)?.parentPid === parentPid);
  }
  try {
    const list = readFileSync(`/proc/${parentPid}/task/${parentPid}/children`, "latin1");
    const [child] = list.split(" ");
    return child ? Number(child) : undefined;
  } catch {
    // It has ended, and been reaped.
    return undefined;
  }
}
