import type { ProcessGroup } from "../processes/engine-process.ts";
import { readProcessStat, sendSignal } from "../processes/process-identity.ts";

/** A program that has no terminal yet would not notice that it hangs up. */
export function leadsItsGroup(pid: number, ownsTerminal: boolean): boolean {
  const stat = readProcessStat(pid);
  return stat?.groupId === pid && (stat.hasTerminal || !ownsTerminal);
}

/** The group of a program that was started in a sandbox, which may live on after its leader. */
export function sandboxedGroup(pid: number): ProcessGroup {
  // Undefined when it has ended already.
  const startTicks = readProcessStat(pid)?.startTicks;
  return {
    pid,
    signal: (name) => {
      // The number of a group with members is given to no new process: another process of this PID means that it is gone.
      const stat = readProcessStat(pid);
      if (stat === undefined || stat.startTicks === startTicks) sendSignal(-pid, name);
    },
  };
}
