import { readFileSync } from "node:fs";
import { readHostPrivileges } from "../../src/engine/isolation/host-privileges.ts";

/** Linux capabilities of this process, which even root may lack, as in a container. */
const held = BigInt(
  `0x${/^CapEff:\s*(\w+)/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1] ?? "0"}`,
);
const last = Number(readFileSync("/proc/sys/kernel/cap_last_cap", "latin1"));

function has(capability: number): boolean {
  return ((held >> BigInt(capability)) & 1n) === 1n;
}

/** CAP_DAC_OVERRIDE. */
export const readsEveryFile = has(1);
/** CAP_SETGID and CAP_SETUID. */
export const becomesAnyUser = has(6) && has(7);
/** CAP_SYS_ADMIN, and the machine's own mounts to do it with. */
export const mounts = has(21);
export const hasEveryCapability = Array.from({ length: last + 1 }, (_, index) => index).every(has);
/** A sandbox of an ordinary user has that one user alone, who is its root. */
export const sandboxesHaveUsers = readHostPrivileges().isMachineRoot;
