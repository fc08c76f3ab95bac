import { readdirSync, readFileSync } from "node:fs";

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
