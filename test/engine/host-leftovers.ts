import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SandboxRecord } from "../../src/engine/state/sandbox-record.ts";

/** PIDs of the machine's processes whose command line or environment names one of these texts. */
export function processesNaming(...texts: readonly string[]): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && processNames(pid, texts));
}

/** Lines of this process's mount table that name this text. */
export function mountsNaming(text: string): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(text));
}

/** What the engine has written down of the sandbox in this folder. */
export function recordIn(sandboxFolder: string): SandboxRecord {
  return JSON.parse(readFileSync(join(sandboxFolder, "sandbox.json"), "utf8")) as SandboxRecord;
}

/** Directories of the control groups that the record in this folder names, whether they are there or not. */
export function controlGroupsOf(sandboxFolder: string): string[] {
  const { limits } = recordIn(sandboxFolder);
  return limits?.groups.map(({ directory }) => directory) ?? [];
}

function processNames(pid: number, texts: readonly string[]): boolean {
  return ["cmdline", "environ"].some((name) => {
    try {
      const content = readFileSync(`/proc/${pid}/${name}`, "latin1");
      return texts.some((text) => content.includes(text));
    } catch {
      // Gone, or of another user.
      return false;
    }
  });
}
