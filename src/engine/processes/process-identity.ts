import { readFileSync } from "node:fs";
import { readProcessFile } from "./process-file.ts";

/**
 * A process that cannot be mistaken for a later one with the same PID: PIDs are reused, so a PID alone is never enough to
 * look at a process again or to signal it.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot (`/proc/PID/stat`, field 22). */
  readonly startTicks: string;
  readonly bootId: string;
}

/** The fields of `/proc/PID/stat` that the engine needs. */
export interface ProcessStat {
  readonly state: string;
  readonly parentPid: number;
  readonly groupId: number;
  readonly sessionId: number;
  /** Whether its session has a terminal. */
  readonly hasTerminal: boolean;
  readonly startTicks: string;
}

export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

export function readProcessStat(pid: number): ProcessStat | undefined {
  const text = readProcessFile(pid, "stat");
  if (text === undefined) return undefined;
  // The second field is the program's name in parentheses and may itself hold blanks and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parentPid, groupId, sessionId, terminal] = fields;
  const startTicks = fields[19];
  if (state === undefined || startTicks === undefined) return undefined;
  return {
    state,
    parentPid: Number(parentPid),
    groupId: Number(groupId),
    sessionId: Number(sessionId),
    hasTerminal: terminal !== "0",
    startTicks,
  };
}

export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readProcessStat(pid);
  if (!stat) return undefined;
  return { pid, startTicks: stat.startTicks, bootId: readBootId() };
}

/** Whether exactly this process still runs. A zombie does not. */
export function isProcessAlive(identity: ProcessIdentity): boolean {
  const stat = readProcessStat(identity.pid);
  return (
    stat !== undefined &&
    stat.startTicks === identity.startTicks &&
    stat.state !== "Z" &&
    stat.state !== "X" &&
    identity.bootId === readBootId()
  );
}

/** Sends a signal to exactly this process. Does nothing when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (isProcessAlive(identity)) sendSignal(identity.pid, signal);
}

/** kill(2), where a target that is gone is no error. A negative PID is a process group. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
