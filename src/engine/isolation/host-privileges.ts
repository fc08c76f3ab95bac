import { readFileSync } from "node:fs";
import { isKernelAtLeast } from "../kernel-version.ts";

const CAP_SYS_ADMIN = 21n;

/** What this process may do, which decides how a sandbox is built. */
export interface HostPrivileges {
  /** An ordinary user makes namespaces only inside a user namespace of its own, in which it is root. */
  readonly needsUserNamespace: boolean;
  /** Root of the machine itself, and not of a user namespace that somebody else made. */
  readonly isMachineRoot: boolean;
  readonly uid: number;
  readonly gid: number;
  /** Whether overlays can leave it to the kernel when what was written reaches the disk (Linux 5.10). */
  readonly hasVolatileOverlays: boolean;
  /** The mask that programs inherit from this process. */
  readonly umask: number;
}

export function readHostPrivileges(): HostPrivileges {
  const status = readFileSync("/proc/self/status", "latin1");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  const hasSysAdmin = ((effective >> CAP_SYS_ADMIN) & 1n) === 1n;
  const umask = Number.parseInt(/^Umask:\s*([0-7]+)/m.exec(status)?.[1] ?? "022", 8);
  return {
    needsUserNamespace: !hasSysAdmin,
    isMachineRoot: hasSysAdmin && isInitialUserNamespace(),
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    hasVolatileOverlays: isKernelAtLeast(5, 10),
    umask,
  };
}

function isInitialUserNamespace(): boolean {
  const map = readFileSync("/proc/self/uid_map", "latin1").trim().split(/\s+/);
  return map.join(" ") === "0 0 4294967295";
}
