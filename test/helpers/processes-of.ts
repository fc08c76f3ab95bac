import { readdir, readFile } from "node:fs/promises";

/** Processes (no zombies) whose command line or first environment holds a text, such as the path of a test's folder. */
export async function processesOf(text: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const [commandLine, environment] = await Promise.all([
      readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => ""),
      readFile(`/proc/${entry}/environ`, "utf8").catch(() => ""),
    ]);
    if (commandLine.includes(text) || environment.includes(text)) {
      found.push(`${entry} ${commandLine.replaceAll("\0", " ").slice(0, 200)}`);
    }
  }
  return found;
}
