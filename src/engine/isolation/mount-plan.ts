import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HostPrivileges } from "./host-privileges.ts";
import { isMirrored } from "./mirror-directories.ts";
import { layerPart, ROOT_PART, type SandboxLayers } from "./sandbox-layers.ts";
import type { SystemDirectories } from "./system-directories.ts";

/**
 * Where the host's own programs are, inside the sandbox's mounts: read-only, and out of the sandbox's reach to change. What
 * runs with privileges in there runs from here, because the sandbox may have replaced its own `/usr/bin/setpriv`, its
 * dynamic loader or `/etc/ld.so.preload`.
 */
export const TOOLS_DIRECTORY = "dev/.sandbox-engine";
/** Where the old root waits to be taken away. */
export const OLD_ROOT_DIRECTORY = "dev/.old";
export const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

const NO_FILES = ["nosuid", "nodev", "noexec"];
const READ_ONLY = ["ro", ...NO_FILES];
/** As Docker has it: what shows or changes the whole machine. */
const READ_ONLY_PROC = ["bus", "fs", "irq", "sys", "sysrq-trigger"];
const MASKED_PROC = [
  "acpi",
  "asound",
  "interrupts",
  "kcore",
  "keys",
  "latency_stats",
  "sched_debug",
  "scsi",
  "timer_list",
  "timer_stats",
];
const SAFE_SYS = ["block", "bus", "class", "dev", "devices"];

export interface Mount {
  readonly source: string;
  /** Relative to the sandbox's folder, in which the root is `root`. */
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

export interface MountPlan {
  /** The root itself: the sandbox's own folder, or an overlay of it over the layers that it stands on. */
  readonly base: Mount;
  /** Names in the root that must be directories, and no links, before anything is mounted on them. */
  readonly mountPoints: readonly string[];
  /** What makes the root. Needs nothing but the folder. */
  readonly root: readonly Mount[];
  /** What is mounted on names in `root`'s own `/dev` and `/sys`. */
  readonly details: readonly Mount[];
  /** What needs the sandbox's PID namespace. */
  readonly processes: readonly Mount[];
  /** What earlier mounts left behind that would forbid these, relative to the sandbox's folder. */
  readonly obstacles: readonly string[];
  /** Directories for everybody to make in between, relative to the sandbox's folder. */
  readonly directories: readonly string[];
}

export interface MountPlanOptions {
  /** Of the system's directories, those to mount this time. */
  readonly overlaid: readonly string[];
  readonly layers: SandboxLayers;
  readonly system: SystemDirectories;
  readonly privileges: HostPrivileges;
  readonly toolsFolder: string;
  /** What the sandbox's processes have. */
  readonly memoryBytes: number;
}

/**
 * What is in memory counts as memory of the sandbox's, and no process that the kernel ends makes room there: so what is left beside a full
 * one is enough to remove it.
 */
const SHARES_OF_MEMORY = { sharedMemory: 1 / 2, run: 1 / 8 };

/** Paths are relative where they can be: in the options of an overlay a colon or a comma would cut them. */
export function planMounts(options: MountPlanOptions): MountPlan {
  const { privileges, overlaid, layers, memoryBytes } = options;
  const size = (share: number): string => `size=${Math.floor(memoryBytes * share)}`;
  const sys = privileges.isMachineRoot ? [] : SAFE_SYS.filter((name) => existsSync(`/sys/${name}`));
  return {
    base: rootOf(layers, privileges),
    mountPoints: ["dev", "proc", "sys", "run", ...overlaid],
    root: [
      ...overlaid.map((name) => systemOverlay(name, layers, privileges)),
      mount("tmpfs", "dev", "tmpfs", ["nosuid", "noexec", "mode=0755", "size=64k"]),
      // A network that is not the user namespace's own gives it no sysfs; what is harmless is taken from the host.
      privileges.isMachineRoot
        ? mount("sysfs", "sys", "sysfs", READ_ONLY)
        : mount("tmpfs", "sys", "tmpfs", [...NO_FILES, "mode=0755", "size=64k"]),
      mount("tmpfs", "run", "tmpfs", ["nosuid", "nodev", "mode=0755", size(SHARES_OF_MEMORY.run)]),
    ],
    // A volatile overlay marks its work directory, and no other may follow it there. Ours may: see docs/isolation.md.
    obstacles: [ROOT_PART, ...overlaid.map(layerPart)].map((part) => `work/${part}/work/incompat`),
    directories: ["root/run/lock", ...sys.map((name) => `root/sys/${name}`)],
    details: [
      ...sys.map((name) => bind(`/sys/${name}`, `sys/${name}`, READ_ONLY)),
      ...(privileges.isMachineRoot && existsSync("/sys/firmware") ? [mask("sys/firmware")] : []),
      ...DEVICES.map((name) => bind(`/dev/${name}`, `dev/${name}`, [])),
      mount("devpts", "dev/pts", "devpts", terminalOptions(privileges)),
      mount("tmpfs", "dev/shm", "tmpfs", [
        "nosuid",
        "nodev",
        "mode=1777",
        size(SHARES_OF_MEMORY.sharedMemory),
      ]),
      ...tools(options),
    ],
    processes: [
      mount("proc", "proc", "proc", NO_FILES),
      ...(privileges.isMachineRoot ? guardProcesses() : []),
    ],
  };
}

function rootOf(layers: SandboxLayers, privileges: HostPrivileges): Mount {
  if (layers.lower.length === 0) {
    return { ...bind(`own/${ROOT_PART}`, ".", ["nodev"]), target: "root" };
  }
  // Without redirections nobody could rename a directory that came with a snapshot. An ordinary user's kernel has none.
  const redirections = privileges.isMachineRoot ? ["redirect_dir=on"] : [];
  const mounted = overlay(ROOT_PART, lowerDirectories(ROOT_PART, layers), privileges, redirections);
  return { ...mounted, target: "root" };
}

/** No redirections here: a renamed directory would show what the host hides in it later. */
function systemOverlay(name: string, layers: SandboxLayers, privileges: HostPrivileges): Mount {
  const part = layerPart(name);
  const mirror = !privileges.isMachineRoot && isMirrored(name) ? [`lower/mirror/${part}`] : [];
  const lower = [...lowerDirectories(part, layers), ...mirror, `/${name}`];
  const redirections = privileges.isMachineRoot ? ["redirect_dir=off"] : [];
  return { ...overlay(part, lower, privileges, redirections), target: join("root", name) };
}

function lowerDirectories(part: string, layers: SandboxLayers): string[] {
  return layers.lowerWith(part).map((index) => `lower/${index}/${part}`);
}

function overlay(
  part: string,
  lower: readonly string[],
  privileges: HostPrivileges,
  options: readonly string[],
): Mount {
  const directories = [
    `lowerdir=${lower.join(":")}`,
    `upperdir=own/${part}`,
    `workdir=work/${part}`,
  ];
  // Overlays keep their notes in `trusted` attributes, which only root of the machine may write.
  const attributes = privileges.isMachineRoot ? [] : ["userxattr"];
  // Without it the end of a sandbox waits until everything that it has written is on the disk, once for each overlay.
  const durability = privileges.hasVolatileOverlays ? ["volatile"] : [];
  const all = ["nodev", ...directories, ...options, ...attributes, ...durability];
  return mount("overlay", ".", "overlay", all);
}

function guardProcesses(): Mount[] {
  return [
    ...READ_ONLY_PROC.filter((name) => existsSync(`/proc/${name}`)).map((name) =>
      bind(`root/proc/${name}`, `proc/${name}`, READ_ONLY),
    ),
    ...MASKED_PROC.filter((name) => existsSync(`/proc/${name}`)).map((name) =>
      statSync(`/proc/${name}`).isDirectory()
        ? mask(`proc/${name}`)
        : bind("/dev/null", `proc/${name}`, []),
    ),
  ];
}

function terminalOptions(privileges: HostPrivileges): string[] {
  const options = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
  // Group 5 is `tty` everywhere; a user namespace of one user does not have it.
  return privileges.isMachineRoot ? [...options, "gid=5"] : options;
}

function tools({ toolsFolder, system, privileges }: MountPlanOptions): Mount[] {
  const flags = ["ro", "nosuid", "nodev"];
  return [
    bind(toolsFolder, TOOLS_DIRECTORY, flags),
    ...system.programs.map((name) => ({
      ...bind(join("/", name), `${TOOLS_DIRECTORY}/${name}`, flags),
      // The kernel does not let a user namespace tear apart mounts that it got from outside.
      options: [privileges.isMachineRoot ? "bind" : "rbind", ...flags],
    })),
  ];
}

function mount(source: string, target: string, type: string, options: readonly string[]): Mount {
  return { source, target: join("root", target), type, options };
}

function bind(source: string, target: string, flags: readonly string[]): Mount {
  return mount(source, target, "none", ["bind", ...flags]);
}

function mask(target: string): Mount {
  return mount("tmpfs", target, "tmpfs", [...READ_ONLY, "size=0"]);
}
