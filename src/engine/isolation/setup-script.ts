import { join } from "node:path";
import type { EngineMount } from "../engine-types.ts";
import type { SandboxFolder } from "../state/sandbox-folder.ts";
import { bindMountScript } from "./bind-mounts.ts";
import { dropCapabilities } from "./capabilities.ts";
import type { HostPrivileges } from "./host-privileges.ts";
import { type MountPlan, OLD_ROOT_DIRECTORY, TOOLS_DIRECTORY } from "./mount-plan.ts";
import type { SystemPrograms } from "./system-programs.ts";

export const READY_LINE = "ready";

export interface SetupOptions {
  readonly mounts: readonly EngineMount[];
  readonly folder: SandboxFolder;
  readonly hostname: string;
  /** Folder whose content becomes `/dev`, before devices are mounted on it. */
  readonly devicesFolder: string;
  readonly plan: MountPlan;
  /** Directories for everybody that begin empty, whatever the layers below hold there. */
  readonly emptied: readonly string[];
  readonly programs: SystemPrograms;
  readonly privileges: HostPrivileges;
}

/**
 * The command line that builds a sandbox and then keeps it.
 *
 * It begins with `unshare`, and after some programs that replace each other the same process ends as a second `unshare`,
 * the holder, which waits for the sandbox's first process. The holder is outside the sandbox's PID namespace, with the tools
 * directory as its root and the sandbox's root as its working directory. Both are references to mounts: nothing that the
 * sandbox renames, unmounts or replaces changes where `/proc/PID/root` and `/proc/PID/cwd` lead. A path could not be
 * trusted: in a user namespace of its own, a sandbox can rename even mount points.
 *
 * Standard input: the paths to hide, each ended by NUL. Standard output: the mount table, then `READY_LINE`. On failure the
 * last line on standard error names the step, and what went wrong is before it.
 */
export function holderCommand(options: SetupOptions): string[] {
  const { programs, privileges } = options;
  return [
    programs.unshare,
    ...(privileges.needsUserNamespace ? ["--user", "--map-root-user"] : []),
    ...["--mount", "--propagation=private"],
    ...["--", "/bin/sh", "-c", buildRoot(options), "sh"],
    // The next stages, as arguments of the first: nobody has to quote them.
    ...[nameMachine(options), showProcesses(options), leaveHost(options), adoptOrphans()],
  ];
}

const FAIL = 'fail() { echo "step: $1" >&2; exit 1; }';
const INTO_TOOLS = `--root=root/${TOOLS_DIRECTORY} --wd=root`;
/** Entering the mounts where one is brings back their root. */
const BACK_TO_ROOT = "--mount=/proc/self/ns/mnt";

/**
 * Only in the mounted root can be seen what a name really is, because layers can hide and redirect each other. A sandbox may
 * have replaced a parent of a mount point by a link; mounting there would leave its tree.
 */
const PREPARE_MOUNT_POINT = `prepare() {
  path=root IFS=/
  for name in $1; do
    path=$path/$name
    if [ -L "$path" ]; then fail "a link at the mount point $1"; fi
    [ -d "$path" ] || mkdir -m 755 "$path" || fail "make the mount point $1"
  done
  unset IFS
}`;

/** Runs in the host's tree, in mounts of its own. */
function buildRoot(options: SetupOptions): string {
  const { folder, devicesFolder, plan, emptied, programs, privileges } = options;
  const { mount, nsenter, unshare } = programs;
  const { base } = plan;
  const guardSys = "remount,bind,ro,nosuid,nodev,noexec root/sys";
  return [
    "set -u",
    FAIL,
    `cd ${quote(folder.path)} || fail cd`,
    `${mount} -t ${base.type} -o ${base.options.join(",")} ${base.source} root || fail "mount /"`,
    ...emptied.map(
      (name) => `rm -rf root/${name} && mkdir -m 1777 root/${name} || fail "empty ${name}"`,
    ),
    PREPARE_MOUNT_POINT,
    `for point in ${plan.mountPoints.join(" ")}; do prepare "$point"; done`,
    `${mount} --all --fstab ${quote(folder.mounts.root)} || fail "mount the root"`,
    ...bindMountScript(options.mounts, mount),
    `cp -a ${quote(`${devicesFolder}/.`)} root/dev || fail "fill /dev"`,
    `mkdir -m 1777 ${plan.directories.join(" ")} || fail mkdir`,
    `${mount} --all --fstab ${quote(folder.mounts.details)} || fail "mount devices"`,
    ...(privileges.isMachineRoot ? [] : [`${mount} -o ${guardSys} || fail "guard /sys"`]),
    `exec ${nsenter} ${INTO_TOOLS} -- ${unshare} --mount --propagation=unchanged --uts --ipc --pid --mount-proc=/proc --fork --kill-child=SIGKILL -- /bin/sh -c "$1" sh "$2" "$3" "$4"`,
  ].join("\n");
}

/** Runs as the first process of the sandbox's PID namespace; its root is the tools directory. */
function nameMachine({ hostname, programs }: SetupOptions): string {
  const name = quote(hostname);
  return [
    FAIL,
    `{ echo ${name} >/proc/sys/kernel/hostname; } 2>/dev/null || hostname ${name} || fail hostname`,
    `exec ${programs.nsenter} ${BACK_TO_ROOT} -- /bin/sh -c "$1" sh "$2" "$3"`,
  ].join("\n");
}

/** Runs in the host's tree again, for the last time. */
function showProcesses({ folder, programs }: SetupOptions): string {
  return [
    FAIL,
    `cd ${quote(folder.path)} || fail cd`,
    `${programs.mount} --all --fstab ${quote(folder.mounts.processes)} || fail "mount /proc"`,
    "cat /proc/self/mountinfo || fail mountinfo",
    `exec ${programs.nsenter} ${INTO_TOOLS} -- /bin/sh -c "$1" sh "$2"`,
  ].join("\n");
}

/** Runs with the tools directory as its root and the sandbox's root as its working directory. */
function leaveHost({ folder, programs, privileges }: SetupOptions): string {
  const { nsenter, pivot_root: pivotRoot, umount, setpriv, unshare } = programs;
  const oldRoot = join(folder.root, OLD_ROOT_DIRECTORY);
  const groups = privileges.isMachineRoot ? "--clear-groups " : "";
  return [
    FAIL,
    `${nsenter} ${BACK_TO_ROOT} -- ${pivotRoot} ${quote(folder.root)} ${quote(oldRoot)} || fail pivot_root`,
    `${umount} --no-canonicalize --lazy ${OLD_ROOT_DIRECTORY} || fail "umount the old root"`,
    `rmdir ${OLD_ROOT_DIRECTORY} && ${umount} --no-canonicalize --lazy /proc || fail "clean up"`,
    // Only now: a link among the sandbox's own files cannot lead to the host any more.
    "xargs -0 -r rm -rf -- || fail hide",
    `exec ${setpriv} ${groups}${dropCapabilities().join(" ")} -- ${unshare} --root=. --wd=/ -- /bin/sh -c "$1"`,
  ].join("\n");
}

/** Runs inside, without privileges, for as long as the sandbox lives. */
function adoptOrphans(): string {
  return [
    `echo ${READY_LINE}`,
    "exec </dev/null >/dev/null 2>&1",
    // A shell that waits for one child reaps every other on the way. Somebody inside may end the child, so it comes again.
    "while :; do sleep 2147483647; [ $? -ne 127 ] || exit 1; done",
  ].join("\n");
}

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
