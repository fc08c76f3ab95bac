import { readlinkSync } from "node:fs";

/** Undefined for a process that is gone, or that is not ours to look at. */
export function pidNamespaceOf(pid: number, name: "pid" | "pid_for_children"): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/${name}`);
  } catch {
    // Gone, or of another user: then it is in no sandbox of ours.
    return undefined;
  }
}
