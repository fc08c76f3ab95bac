import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { EngineError } from "../engine-error.ts";
import type { MountPlan } from "./mount-plan.ts";

/**
 * Proves that a sandbox's mounts are as planned: `mount --all` skips what it believes to be mounted already, and a guard
 * that is missing would be seen by nobody.
 *
 * @throws EngineError `SANDBOX_START_FAILED` that names the first difference.
 */
export function checkMounts(holderPid: number, plan: MountPlan): void {
  const flagsOf = new Map<string, string[]>();
  for (const line of readFileSync(`/proc/${holderPid}/mountinfo`, "latin1").split("\n")) {
    const [, , , , point, flags] = line.split(" ");
    if (point !== undefined && flags !== undefined) flagsOf.set(point, flags.split(","));
  }
  for (const { target, options } of [...plan.root, ...plan.details]) {
    const point = join("/", relative("root", target));
    const flags = flagsOf.get(point);
    if (!flags) throw new EngineError("SANDBOX_START_FAILED", `${point} was not mounted`);
    for (const flag of ["ro", "nosuid", "nodev", "noexec"]) {
      if (options.includes(flag) && !flags.includes(flag)) {
        throw new EngineError("SANDBOX_START_FAILED", `${point} was mounted without ${flag}`);
      }
    }
  }
  const root = flagsOf.get("/");
  if (!root?.includes("nodev")) {
    throw new EngineError("SANDBOX_START_FAILED", "/ was mounted without nodev");
  }
}
