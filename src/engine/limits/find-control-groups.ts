import { accessSync, constants, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** What can be limited by a control group. */
export type Controller = "pids" | "memory" | "cpu";
const CONTROLLERS: readonly Controller[] = ["pids", "memory", "cpu"];

/** A directory of a control group file system in which this process can make groups that have these controllers. */
export interface ControlGroupParent {
  readonly version: 1 | 2;
  readonly directory: string;
  readonly controllers: readonly Controller[];
}

/** What `find` reads, so that it can be asked about another machine's. */
export interface ControlGroupView {
  /** `/proc/self/mountinfo`. */
  readonly mounts: string;
  /** `/proc/self/cgroup`. */
  readonly membership: string;
  /** Content of a file, or undefined when it cannot be read. */
  read(path: string): string | undefined;
  isWritable(path: string): boolean;
}

/**
 * Where groups of ours can be, below the group that this process is in where that can be, so that its own limits hold for them too.
 *
 * With version 1 a group can have processes and groups below. With version 2 only the root can have both, so it is the nearest group
 * above whose groups have the controllers already: what systemd made for a user or for the services.
 */
export function findControlGroupParents(view: ControlGroupView): ControlGroupParent[] {
  const memberships = parseMembership(view.membership);
  const mounts = parseMounts(view.mounts);
  const unified = mounts.find(({ type }) => type === "cgroup2");
  const ofVersion2 = unified && findInUnified(view, unified, memberships.get("") ?? "/");
  const missing = CONTROLLERS.filter((name) => !ofVersion2?.controllers.includes(name));
  const ofVersion1 = missing.map((name) => findInHierarchy(view, mounts, name, memberships));
  return [ofVersion2, ...ofVersion1].filter((parent) => parent !== undefined);
}

/** The groups that this process is in. */
export function ownMembership(): string {
  return readIfPresent("/proc/self/cgroup") ?? "";
}

export function thisMachine(): ControlGroupView {
  return {
    mounts: readIfPresent("/proc/self/mountinfo") ?? "",
    membership: ownMembership(),
    read: readIfPresent,
    isWritable: (path) => {
      try {
        accessSync(path, constants.W_OK);
        return true;
      } catch {
        return false;
      }
    },
  };
}

function findInUnified(
  view: ControlGroupView,
  mount: Mount,
  group: string,
): ControlGroupParent | undefined {
  const start = directoryIn(mount, group);
  for (let directory = start; directory !== undefined; directory = above(directory, mount)) {
    const enabled = (view.read(join(directory, "cgroup.subtree_control")) ?? "").split(/\s+/);
    const controllers = CONTROLLERS.filter((name) => enabled.includes(name));
    // Whoever moves a process needs this file of the group that is above both its old and its new one.
    const isOurs = view.isWritable(directory) && view.isWritable(join(directory, "cgroup.procs"));
    if (controllers.length > 0 && isOurs) return { version: 2, directory, controllers };
  }
  return undefined;
}

function findInHierarchy(
  view: ControlGroupView,
  mounts: readonly Mount[],
  controller: Controller,
  memberships: ReadonlyMap<string, string>,
): ControlGroupParent | undefined {
  const mount = mounts.find(
    ({ type, options }) => type === "cgroup" && options.includes(controller),
  );
  const group = memberships.get(controller);
  const directory = mount && group !== undefined ? directoryIn(mount, group) : undefined;
  if (directory === undefined || !view.isWritable(directory)) return undefined;
  return { version: 1, directory, controllers: [controller] };
}

interface Mount {
  /** The group that is mounted. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

function parseMounts(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [, , , root, point, options = ""] = left.split(" ");
    const [type, , superOptions = ""] = right.split(" ");
    if (root === undefined || point === undefined || type === undefined) return [];
    if (options.split(",").includes("ro")) return [];
    return [{ root, point, type, options: superOptions.split(",") }];
  });
}

/** Controller to group; of version 2 the empty name. */
function parseMembership(text: string): Map<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, names, ...path] = line.split(":");
    if (names === undefined || path.length === 0) continue;
    for (const name of names.split(",")) groups.set(name, path.join(":"));
  }
  return groups;
}

/** Undefined for a group that is not below the one that is mounted. */
function directoryIn(mount: Mount, group: string): string | undefined {
  const below = relative(mount.root, group);
  return below === ".." || below.startsWith("../") ? undefined : join(mount.point, below);
}

function above(directory: string, mount: Mount): string | undefined {
  return directory === mount.point ? undefined : join(directory, "..");
}

function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
