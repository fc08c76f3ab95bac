import { join } from "node:path";
import { EngineError } from "../engine-error.ts";
import type { Mount, MountPlan } from "./mount-plan.ts";

/**
 * Proves that a sandbox's mounts are as planned: `mount --all` skips what it believes to be mounted already, and a guard
 * that is missing would be seen by nobody.
 *
 * @param mountTable - `/proc/PID/mountinfo`, in which the sandbox's root still is at the path that the host knows.
 * @throws EngineError `SANDBOX_START_FAILED` that names the first difference.
 */
export function checkMounts(
  mountTable: string,
  sandboxFolder: string,
  plan: MountPlan,
  more: readonly Mount[] = [],
): void {
  const flagsOf = new Map<string, readonly string[]>();
  for (const line of mountTable.split("\n")) {
    const [, , , , point, flags] = line.split(" ");
    if (point !== undefined && flags !== undefined) {
      flagsOf.set(unescapePath(point), flags.split(","));
    }
  }
  for (const { target, options } of [
    plan.base,
    ...plan.root,
    ...plan.details,
    ...plan.processes,
    ...more,
  ]) {
    const flags = flagsOf.get(join(sandboxFolder, target));
    if (!flags) throw new EngineError("SANDBOX_START_FAILED", `${target} was not mounted`);
    for (const flag of ["ro", "nosuid", "nodev", "noexec"]) {
      if (options.includes(flag) && !flags.includes(flag)) {
        throw new EngineError("SANDBOX_START_FAILED", `${target} was mounted without ${flag}`);
      }
    }
  }
}

/** The kernel writes blanks and backslashes as octal escapes. */
function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  );
}
