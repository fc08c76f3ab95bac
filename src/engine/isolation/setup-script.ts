import { join } from "node:path";
import type { SandboxFolder } from "../state/sandbox-folder.ts";
import { dropCapabilities } from "./capabilities.ts";
import type { HostPrivileges } from "./host-privileges.ts";
import { type MountPlan, OLD_ROOT_DIRECTORY, TOOLS_DIRECTORY } from "./mount-plan.ts";
import type { SystemPrograms } from "./system-programs.ts";

export const READY_LINE = "ready";

export interface SetupOptions {
  readonly folder: SandboxFolder;
  readonly hostname: string;
  /** Folder whose content becomes `/dev`, before devices are mounted on it. */
  readonly devicesFolder: string;
  readonly plan: MountPlan;
  readonly programs: SystemPrograms;
  readonly privileges: HostPrivileges;
}

/**
 * The script that the first process of a sandbox's namespaces runs. It builds the root, makes it the only thing that is
 * mounted, gives up its privileges and becomes the process that adopts orphans. Standard input: the paths to hide, each
 * ended by NUL. It prints `READY_LINE` at the end; on failure the last line on standard error names the step, and what
 * went wrong is before it.
 */
export function buildSetupScript(options: SetupOptions): string {
  const { folder, hostname, devicesFolder, plan, programs, privileges } = options;
  const makeReadOnly = privileges.isMachineRoot
    ? []
    : [
        `${programs.mount} -o remount,bind,ro,nosuid,nodev,noexec root/sys || fail "mount /sys read-only"`,
      ];
  return [
    "set -u",
    'fail() { echo "step: $1" >&2; exit 1; }',
    `cd ${quote(folder.path)} || fail cd`,
    `{ echo ${quote(hostname)} >/proc/sys/kernel/hostname; } 2>/dev/null || hostname ${quote(hostname)} || fail hostname`,
    `${programs.mount} --bind -o nodev root root || fail "mount /"`,
    `${programs.mount} --all --fstab ${quote(folder.mounts.root)} || fail "mount the root"`,
    `cp -a ${quote(`${devicesFolder}/.`)} root/dev || fail "fill /dev"`,
    `mkdir -m 1777 ${plan.directories.join(" ")} || fail mkdir`,
    `${programs.mount} --all --fstab ${quote(folder.mounts.details)} || fail "mount devices"`,
    ...makeReadOnly,
    // For `umount` and `nsenter` below; it goes before the sandbox's own processes come.
    `${programs.mount} -t proc -o nosuid,nodev,noexec proc root/${TOOLS_DIRECTORY}/proc || fail "mount /proc"`,
    // From here on the host's programs come from the tools directory, and paths are the new root's.
    `exec ${programs.nsenter} --root=root/${TOOLS_DIRECTORY} --wd=root -- /bin/sh -c ${quote(finish(options))}`,
  ].join("\n");
}

/** Runs with the tools directory as its root and the new root as its working directory. */
function finish({ folder, programs, privileges }: SetupOptions): string {
  const oldRoot = join(folder.root, OLD_ROOT_DIRECTORY);
  const groups = privileges.isMachineRoot ? "--clear-groups " : "";
  const adopt = [
    `echo ${READY_LINE}`,
    "exec </dev/null >/dev/null 2>&1",
    // A shell that waits for one child reaps every other on the way. Somebody inside may end the child, so it comes again.
    "while :; do sleep 2147483647; [ $? -ne 127 ] || exit 1; done",
  ].join("\n");
  return [
    'fail() { echo "step: $1" >&2; exit 1; }',
    // Entering the mounts where we are brings back their root, from which the host's `pivot_root` still is reachable.
    `${programs.nsenter} --mount=/proc/self/ns/mnt -- ${programs.pivot_root} ${quote(folder.root)} ${quote(oldRoot)} || fail pivot_root`,
    `${programs.umount} --no-canonicalize --lazy ${OLD_ROOT_DIRECTORY} || fail "umount the old root"`,
    `rmdir ${OLD_ROOT_DIRECTORY} && ${programs.umount} --no-canonicalize --lazy /proc || fail "clean up"`,
    // Only now: a link among the sandbox's own files cannot lead to the host any more.
    "xargs -0 -r rm -rf -- || fail hide",
    `exec ${programs.setpriv} ${groups}${dropCapabilities().join(" ")} -- ${programs.unshare} --root=. --wd=/ -- /bin/sh -c ${quote(adopt)}`,
  ].join("\n");
}

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
