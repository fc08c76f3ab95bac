import type { OwnerMap } from "../files/path-walker.ts";
import type { HostPrivileges } from "./host-privileges.ts";

/** What a user namespace shows for a user that it does not map. */
const NOBODY = 65_534;

/** Who owns what in a user namespace whose only user is root. */
export function singleUser({ uid, gid }: HostPrivileges): OwnerMap {
  return {
    toSandbox: (hostId) => (hostId === uid || hostId === gid ? 0 : NOBODY),
    toHost: (sandboxId) => (sandboxId === 0 ? uid : undefined),
  };
}
