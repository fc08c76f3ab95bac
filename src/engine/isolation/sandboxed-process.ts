import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { ProcessGroup } from "../processes/engine-process.ts";
import {
  identifyProcess,
  isProcessAlive,
  type ProcessIdentity,
  readProcessStat,
  sendSignal,
} from "../processes/process-identity.ts";
import { listProcesses } from "../processes/process-scan.ts";

const POLL_MS = 1;

/**
 * Waits until the program that `parent` starts inside the sandbox leads a process group of its own, or `parent` has ended.
 * `parent` only waits for it and mirrors how it ends; it is outside the sandbox and gets no signals.
 */
export async function findSandboxedProcess(
  parent: ChildProcess,
): Promise<ProcessIdentity | undefined> {
  const parentPid = parent.pid as number;
  while (parent.exitCode === null && parent.signalCode === null) {
    const pid = childOf(parentPid);
    if (pid !== undefined && readProcessStat(pid)?.groupId === pid) return identifyProcess(pid);
    await delay(POLL_MS);
  }
  return undefined;
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

function isSame(leader: ProcessIdentity): boolean {
  return isProcessAlive(leader) || readProcessStat(leader.pid)?.startTicks === leader.startTicks;
}

function childOf(parentPid: number): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${parentPid}/task/${parentPid}/children`, "latin1").split(
      " ",
    );
    return child ? Number(child) : undefined;
  } catch {
    // Gone, or a kernel without this file; the scan tells.
    return listProcesses().find((pid) => readProcessStat(pid)?.parentPid === parentPid);
  }
}
