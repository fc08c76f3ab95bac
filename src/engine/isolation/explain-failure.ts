import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import type { EngineError } from "../engine-error.ts";
import { readHostPrivileges } from "./host-privileges.ts";

export interface Explanation {
  readonly reason: string;
  readonly advice: string;
}

const DOCKER_OPTIONS =
  "--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined";

/** File systems, by the number that statfs(2) gives, which cannot hold the upper layer of an overlay. */
const UNSUITABLE_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x794c7630, "overlayfs"],
  [0x6969, "NFS"],
  [0x01021997, "9p"],
  [0x65735546, "FUSE"],
  [0xff534d42, "CIFS"],
  [0x4d44, "FAT"],
]);

/** Puts what the building program said into words: which part of the machine refused, and what to change. */
export async function explainFailure(error: EngineError, directory: string): Promise<Explanation> {
  const { message } = error;
  const { needsUserNamespace } = readHostPrivileges();
  if (/ on root\/(proc|sys)\b/.test(message)) {
    return {
      reason: `the kernel refuses a new /proc or /sys, because those of this container are masked (${message})`,
      advice: `start the container with --security-opt systempaths=unconfined, or with ${DOCKER_OPTIONS}`,
    };
  }
  if (/^unshare|uid_map|gid_map|setgroups|^hostname/.test(message)) {
    return needsUserNamespace ? userNamespacesForbidden(message) : namespacesForbidden(message);
  }
  if (/^mount overlay/.test(message)) {
    return overlayRefused(message, directory);
  }
  if (/^missing in/.test(message)) {
    return { reason: message, advice: "install util-linux, coreutils, findutils and perl" };
  }
  if (/directory is below/.test(message)) {
    return { reason: message, advice: "choose another directory" };
  }
  return {
    reason: message,
    advice: "see docs/isolation.md, or ask for isolation none",
  };
}

function userNamespacesForbidden(message: string): Explanation {
  const settings: readonly (readonly [string, string, string])[] = [
    ["user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"],
    ["kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"],
    [
      "kernel/apparmor_restrict_unprivileged_userns",
      "1",
      "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ],
  ];
  const remedies = settings
    .filter(([name, forbidding]) => readSetting(name) === forbidding)
    .map(([, , command]) => command);
  return {
    reason: `user namespaces are forbidden to this user (${message})`,
    advice:
      remedies.length > 0
        ? `as root run ${remedies.join(" and ")}`
        : `run as root; in a container, start it with ${DOCKER_OPTIONS}`,
  };
}

function namespacesForbidden(message: string): Explanation {
  return {
    reason: `namespaces are forbidden although this process is root (${message})`,
    advice: `in a container, start it with ${DOCKER_OPTIONS}`,
  };
}

async function overlayRefused(message: string, directory: string): Promise<Explanation> {
  const { type } = await statfs(directory);
  const name = UNSUITABLE_FILE_SYSTEMS.get(type);
  return {
    reason: `an overlay cannot be mounted with its upper layer in ${directory}${name ? `, which is on ${name}` : ""} (${message})`,
    advice:
      "choose a directory on ext4, xfs, btrfs or tmpfs (in a container: a volume); an ordinary user needs Linux 5.11 or newer",
  };
}

function readSetting(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, "latin1").trim();
  } catch {
    // This kernel does not have the setting, so it cannot be what forbids.
    return undefined;
  }
}
