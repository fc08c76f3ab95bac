import { readdirSync } from "node:fs";
import { readProcessFile } from "./process-file.ts";

/** PIDs of every process that this one can see. */
export function listProcesses(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** Its arguments, each ended by NUL; empty for one that is gone, and for the kernel's own. */
export function readCommandLine(pid: number): string {
  return readProcessFile(pid, "cmdline") ?? "";
}

/** Whether a process was started with this variable. False when it is gone, or of another user: then it is not of our sandbox. */
export function hasEnvironmentVariable(pid: number, variable: string): boolean {
  return readProcessFile(pid, "environ")?.split("\0").includes(variable) === true;
}
