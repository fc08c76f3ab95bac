import { posix } from "node:path";

export const defaultWorkDir = "/workspace";

const homePrefix = "~/";

/** Whether the working directory is known only once the sandbox has told its home directory. */
export function isBelowHome(workDir: string): boolean {
  return workDir.startsWith(homePrefix);
}

/** The absolute path of a configured working directory. */
export function resolveWorkDir(workDir: string, homeDirectory: string): string {
  if (!isBelowHome(workDir)) return workDir;
  return posix.join(homeDirectory, workDir.slice(homePrefix.length));
}

/** Environment of every command that was not known when the sandbox was created. */
export function lateEnvironment(
  configuredWorkDir: string,
  workDir: string,
): Readonly<Record<string, string>> {
  return isBelowHome(configuredWorkDir) ? { WORKDIR: workDir } : {};
}
