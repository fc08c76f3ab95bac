import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeControlGroups, planControlGroups } from "../../src/engine/limits/control-groups.ts";
import {
  type ControlGroupView,
  type Controller,
  findControlGroupParents,
} from "../../src/engine/limits/find-control-groups.ts";

const unified = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";

function machine(
  mounts: readonly string[],
  membership: string,
  writable: readonly string[],
  files: Readonly<Record<string, string>> = {},
): ControlGroupView {
  return {
    mounts: mounts.join("\n"),
    membership,
    read: (path) => files[path],
    isWritable: (path) => writable.includes(path.replace(/\/cgroup\.procs$/, "")),
  };
}

test("version 2, root in a service: the slice above it, whose groups have the controllers", () => {
  const view = machine(
    [unified],
    "0::/system.slice/app.service\n",
    ["/sys/fs/cgroup/system.slice/app.service", "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup"],
    {
      "/sys/fs/cgroup/system.slice/app.service/cgroup.subtree_control": "\n",
      "/sys/fs/cgroup/system.slice/cgroup.subtree_control": "cpu memory pids\n",
    },
  );
  expect(findControlGroupParents(view)).toEqual([
    {
      version: 2,
      directory: "/sys/fs/cgroup/system.slice",
      controllers: ["pids", "memory", "cpu"],
    },
  ]);
});

test("version 2, an ordinary user: only what systemd gave to that user", () => {
  const user = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service";
  const files = {
    [`${user}/app.slice/cgroup.subtree_control`]: "memory pids",
    "/sys/fs/cgroup/user.slice/cgroup.subtree_control": "cpu memory pids",
  };
  const own = [user, `${user}/app.slice`];
  const inUserService = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/editor.scope\n";
  expect(findControlGroupParents(machine([unified], inUserService, own, files))).toEqual([
    { version: 2, directory: `${user}/app.slice`, controllers: ["pids", "memory"] },
  ]);
  // A login by SSH is in a scope of root's: nothing may be moved out of it.
  const inSession = "0::/user.slice/user-1000.slice/session-3.scope\n";
  expect(findControlGroupParents(machine([unified], inSession, own, files))).toEqual([]);
});

test("version 1: each controller has a tree of its own, below the own group and its mount", () => {
  const view = machine(
    [
      "30 23 0:27 /docker/abc /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids",
      "31 23 0:28 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory",
      "32 23 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
    ],
    "8:pids:/docker/abc/below\n4:memory:/docker/abc\n1:cpu,cpuacct:/user:name\n0::/\n",
    ["/sys/fs/cgroup/pids/below", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu,cpuacct/user:name"],
  );
  expect(findControlGroupParents(view)).toEqual([
    { version: 1, directory: "/sys/fs/cgroup/pids/below", controllers: ["pids"] },
    { version: 1, directory: "/sys/fs/cgroup/cpu,cpuacct/user:name", controllers: ["cpu"] },
  ]);
});

test("a group outside what is mounted, and none at all, give nothing", () => {
  const mount = "30 23 0:27 /docker/abc /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids";
  expect(findControlGroupParents(machine([mount], "8:pids:/other\n", [""]))).toEqual([]);
  expect(findControlGroupParents(machine([], "", []))).toEqual([]);
});

test.each<[1 | 2, readonly Controller[], Readonly<Record<string, string>>]>([
  [
    2,
    ["pids", "memory", "cpu"],
    { "pids.max": "64", "memory.max": "1048576", "cpu.max": "150000 100000" },
  ],
  [1, ["pids"], { "pids.max": "64" }],
  [1, ["memory"], { "memory.limit_in_bytes": "1048576" }],
  [1, ["cpu"], { "cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "150000" }],
])(
  "version %i, %j: the limits are above the group of the processes",
  (version, controllers, files) => {
    const directory = mkdtempSync(join(tmpdir(), "control-groups-"));
    try {
      const [group] = planControlGroups([{ version, directory, controllers }], "marker");
      const limits = { processes: 64, memoryBytes: 1_048_576, cpus: 1.5 };
      makeControlGroups(group === undefined ? [] : [group], limits);
      const path = join(directory, "sandbox-engine-marker");
      const written = readdirSync(path).filter((name) => name !== "inside");
      expect(
        Object.fromEntries(written.map((name) => [name, readFileSync(join(path, name), "utf8")])),
      ).toEqual(files);
      expect(readdirSync(join(path, "inside"))).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);
