import { readdirSync, readFileSync } from "node:fs";

/** PIDs of every process that this one can see. */
export function listProcesses(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** Its arguments, each ended by NUL; empty for one that is gone, and for the kernel's own. */
export function readCommandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return "";
  }
}

/** Whether a process was started with this variable. False when its environment is not ours to read. */
export function hasEnvironmentVariable(pid: number, variable: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(variable);
  } catch {
    // Gone, or of another user: then it is not of our sandbox.
    return false;
  }
}
