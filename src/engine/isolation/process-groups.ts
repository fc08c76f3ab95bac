import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { type ProcessStat, readBootId, readProcessStat } from "../processes/process-identity.ts";

/** Where the start time would be of a leader that had ended before anybody looked. */
const UNKNOWN = "-";
/** Instead of a start time: the group has ended, and whoever has its number now is a stranger. */
const ENDED = "ended";

/**
 * Writes down the process group of a program that began its own session, so that it is found by any process later.
 *
 * @returns Its leader's start time; undefined when that has ended already.
 */
export function rememberGroup(path: string, pid: number): string | undefined {
  const startTicks = readProcessStat(pid)?.startTicks;
  // A process that is gone already may still have left children in its group.
  append(path, `${pid} ${startTicks ?? UNKNOWN} ${readBootId()}\n`);
  return startTicks;
}

/** To be called when its leader has ended: without members the number is free for others from now on. */
export function forgetEmptyGroup(path: string, pid: number): void {
  // A sandbox that has been stopped or deleted has no list any more.
  if (hasMembers(pid) || !existsSync(path)) return;
  try {
    append(path, `${pid} ${ENDED} ${readBootId()}\n`);
  } catch {
    // Deleted just now, or the disk is full: then a new leader's start time is all that tells a stranger.
  }
}

function hasMembers(groupId: number): boolean {
  try {
    process.kill(-groupId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/**
 * The groups that were written down and have not been seen to end, nor been taken over: as long as a group has members, the kernel
 * gives its number to no new process, so a leader with another start time shows that the old group had ended.
 */
export function readGroups(path: string): Set<number> {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Set();
    throw error;
  }
  const startTicksOf = new Map<number, string>();
  const bootId = readBootId();
  for (const line of text.split("\n")) {
    const [pidText, startTicks, boot] = line.split(" ");
    const pid = Number(pidText);
    if (boot !== bootId || startTicks === undefined || !Number.isInteger(pid) || pid <= 1) continue;
    if (startTicks === ENDED) startTicksOf.delete(pid);
    else startTicksOf.set(pid, startTicks);
  }
  const groups = [...startTicksOf].filter(([pid, ticks]) => mayBeGroupOf(pid, ticks));
  return new Set(groups.map(([pid]) => pid));
}

/** Whether the group of this number can still be the one whose leader started then: that leader is there, or nobody of its PID. */
export function mayBeGroupOf(pid: number, startTicks: string | undefined): boolean {
  const leader = readProcessStat(pid);
  return leader === undefined || leader.startTicks === startTicks;
}

/** Ours begin sessions of their own, whose number is the group's. A job of a stranger's shell is in the session of that shell. */
export function isOfGroup({ groupId, sessionId }: ProcessStat, groups: Set<number>): boolean {
  return groupId === sessionId && groups.has(groupId);
}

function append(path: string, line: string): void {
  appendFileSync(path, line, { mode: 0o600 });
}
