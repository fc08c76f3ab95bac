import type { ProcessIdentity } from "../processes/process-identity.ts";
import { keptCapabilityNumbers } from "./capabilities.ts";
import type { SandboxEntry } from "./enter-program.ts";
import type { HostPrivileges } from "./host-privileges.ts";

export interface EntryOptions {
  readonly holder: ProcessIdentity;
  readonly privileges: HostPrivileges;
  readonly processLimit: number | undefined;
  readonly hasOwnNetwork: boolean;
}

/** How a program comes into the sandbox that this process holds. */
export function enterSandbox({
  holder,
  privileges,
  processLimit,
  hasOwnNetwork,
}: EntryOptions): SandboxEntry {
  return {
    holder,
    namespaces: [
      // First: only its root may join the others.
      ...(privileges.needsUserNamespace ? ["user"] : []),
      ...["ipc", "uts", "pid_for_children", "mnt"],
      ...(hasOwnNetwork ? ["net"] : []),
    ],
    processLimit,
    clearsGroups: privileges.isMachineRoot,
    keptCapabilities: keptCapabilityNumbers(),
  };
}
