import { join } from "node:path";
import type { EngineMount } from "../engine-types.ts";
import type { SandboxFolder } from "../state/sandbox-folder.ts";
import { BIND_MOUNT_OPTIONS } from "./bind-mounts.ts";
import { keptCapabilityNumbers } from "./capabilities.ts";
import type { HostPrivileges } from "./host-privileges.ts";
import {
  DEVICES,
  type Mount,
  type MountPlan,
  OLD_ROOT_DIRECTORY,
  TOOLS_DIRECTORY,
} from "./mount-plan.ts";

/** Printed inside, when the sandbox is built. */
export const READY_LINE = "ready";

/** Its last argument, by which it is found. */
export function firstProcessName(marker: string): string {
  return `sandbox-engine-first-process-${marker}`;
}

export interface HolderPlanOptions {
  /** Tells the sandbox's own processes from all others. */
  readonly marker: string;
  readonly mounts: readonly EngineMount[];
  readonly folder: SandboxFolder;
  readonly hostname: string;
  readonly hasOwnNetwork: boolean;
  readonly plan: MountPlan;
  /** Directories for everybody that begin empty, whatever the layers below hold there. */
  readonly emptied: readonly string[];
  readonly privileges: HostPrivileges;
}

/** A step of the program that builds sandboxes: its name and its arguments. */
type Step = readonly [string, ...string[]];

const FLAGS: ReadonlyMap<string, number> = new Map([
  ["ro", 1],
  ["nosuid", 2],
  ["nodev", 4],
  ["noexec", 8],
]);
const REMOUNT = 32;
const BIND = 4096;
const RECURSIVE = 16_384;

const DEVICE_LINKS: readonly (readonly [string, string])[] = [
  ["ptmx", "pts/ptmx"],
  ["fd", "/proc/self/fd"],
  ["stdin", "fd/0"],
  ["stdout", "fd/1"],
  ["stderr", "fd/2"],
];

/** The plan as the program takes it: for each step its name, the number of its arguments, and those. */
export function holderPlan(options: HolderPlanOptions): string[] {
  return stepsOf(options).flatMap(([name, ...values]) => [name, String(values.length), ...values]);
}

function stepsOf(options: HolderPlanOptions): Step[] {
  const { folder, hostname, plan, emptied, privileges } = options;
  const { uid, gid } = privileges;
  return [
    ...(privileges.needsUserNamespace ? [["user", String(uid), String(gid)] as const] : []),
    ...(options.hasOwnNetwork ? [["network"] as const] : []),
    ["begin", folder.path, hostname],
    ...plan.obstacles.map((path) => ["remove", path] as const),
    ...mountSteps([plan.base]),
    ...emptied.map((name) => ["empty", name] as const),
    ...plan.mountPoints.map((name) => ["point", name] as const),
    ...mountSteps(plan.root),
    ...options.mounts.map(volumeStep),
    ...DEVICES.map((name) => ["file", `root/dev/${name}`] as const),
    ...DEVICE_LINKS.map(([name, target]) => ["link", target, `root/dev/${name}`] as const),
    ...["dev/pts", "dev/shm", OLD_ROOT_DIRECTORY, TOOLS_DIRECTORY].map(
      (name) => ["directory", `root/${name}`, "755"] as const,
    ),
    ...plan.directories.map((path) => ["directory", path, "1777"] as const),
    ...mountSteps(plan.details),
    ...(privileges.isMachineRoot ? [] : [guard("root/sys", [...FLAGS.keys()])]),
    ...(privileges.isMachineRoot ? [["groups"] as const] : []),
    ["keep", ...keptCapabilityNumbers().map(String)],
    ["execute", "/bin/sh", "-c", ADOPT_ORPHANS, firstProcessName(options.marker)],
    ["enter"],
    ...mountSteps(plan.processes),
  ];
}

/** What runs inside, without privileges, for as long as the sandbox lives. */
const ADOPT_ORPHANS = [
  `echo ${READY_LINE}`,
  "exec </dev/null >/dev/null 2>&1",
  // A shell that waits for one child reaps every other on the way. Somebody inside may end the child, so it comes again.
  "while :; do sleep 2147483647; [ $? -ne 127 ] || exit 1; done",
].join("\n");

/** A bind takes no flags with it: they need a second call. */
function mountSteps(mounts: readonly Mount[]): Step[] {
  return mounts.flatMap(({ source, target, type, options }): Step[] => {
    const isBind = options.includes("bind") || options.includes("rbind");
    if (!isBind) {
      const data = options.filter((option) => !FLAGS.has(option)).join(",");
      return [["mount", source, target, type, String(flagsOf(options)), data]];
    }
    const flags = options.includes("rbind") ? BIND | RECURSIVE : BIND;
    const bind: Step = ["mount", source, target, type, String(flags), ""];
    return flagsOf(options) === 0 ? [bind] : [bind, guard(target, options)];
  });
}

function guard(target: string, options: readonly string[]): Step {
  return ["mount", "none", target, "none", String(guardFlags(options)), ""];
}

function guardFlags(options: readonly string[]): number {
  return REMOUNT | BIND | flagsOf(options);
}

function volumeStep({ source, subpath, target }: EngineMount): Step {
  const from = subpath ? join(source, subpath) : source;
  return ["volume", from, target.slice(1), String(guardFlags(BIND_MOUNT_OPTIONS))];
}

function flagsOf(options: readonly string[]): number {
  return options.reduce((flags, option) => flags | (FLAGS.get(option) ?? 0), 0);
}
