import { readdirSync, readlinkSync } from "node:fs";

/** PTYs that this process holds. */
export function openTerminals(): number {
  return readdirSync("/proc/self/fd").filter((descriptor) => {
    try {
      return /\/ptmx$|^\/dev\/pts\//.test(readlinkSync(`/proc/self/fd/${descriptor}`));
    } catch {
      return false;
    }
  }).length;
}
