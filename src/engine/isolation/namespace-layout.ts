import { randomBytes } from "node:crypto";
import { chmodSync, lstatSync, mkdirSync } from "node:fs";
import { chmod, copyFile, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EngineError } from "../engine-error.ts";
import type { SandboxFolder } from "../state/sandbox-folder.ts";
import type { HostPrivileges } from "./host-privileges.ts";
import { mirrorDirectories } from "./mirror-directories.ts";
import type { SystemDirectories } from "./system-directories.ts";

/** Directories of the sandbox's own, with their modes. */
const OWN_DIRECTORIES: readonly (readonly [string, number])[] = [
  ["", 0o755],
  ["dev", 0o755],
  ["proc", 0o555],
  ["sys", 0o555],
  ["run", 0o755],
  ["home", 0o755],
  ["root", 0o700],
  ["tmp", 0o1777],
  ["workspace", 0o755],
  ["mnt", 0o755],
  ["media", 0o755],
  ["srv", 0o755],
  ["opt", 0o755],
  ["var", 0o755],
  ["var/backups", 0o755],
  ["var/cache", 0o755],
  ["var/cache/apt", 0o755],
  ["var/cache/apt/archives", 0o755],
  ["var/cache/apt/archives/partial", 0o700],
  ["var/lib", 0o755],
  ["var/log", 0o755],
  ["var/log/apt", 0o755],
  ["var/spool", 0o755],
  ["var/tmp", 0o1777],
];

export function upperDirectory(folder: SandboxFolder, name: string): string {
  return join(folder.layers, layerName(name), "upper");
}

export function layerName(name: string): string {
  return name.replaceAll("/", "-");
}

/** Lays out the root of a new sandbox, and the layers in which its changes to the host's system directories are kept. */
export async function layOutSandbox(
  folder: SandboxFolder,
  hostname: string,
  system: SystemDirectories,
  privileges: HostPrivileges,
): Promise<void> {
  for (const [name, mode] of OWN_DIRECTORIES) makeDirectory(join(folder.root, name), mode);
  for (const [name, target] of system.links) await symlink(target, join(folder.root, name));
  await symlink("/run", join(folder.root, "var/run"));
  await symlink("/run/lock", join(folder.root, "var/lock"));
  makeDirectory(folder.layers, 0o700);
  for (const name of system.overlaid) {
    mkdirSync(join(folder.root, name), { recursive: true });
    const { mode } = lstatSync(join("/", name));
    const upper = upperDirectory(folder, name);
    makeDirectory(dirname(upper), 0o700);
    makeDirectory(upper, mode & 0o7777);
    makeDirectory(join(dirname(upper), "work"), 0o700);
  }
  if (!privileges.isMachineRoot) {
    mirrorDirectories(system.overlaid, (name) => upperDirectory(folder, name));
  }
  for (const name of [".bashrc", ".profile"]) await copySkeleton(name, join(folder.root, "root"));
  await writeOwnConfiguration(upperDirectory(folder, "etc"), hostname);
}

/**
 * Makes sure that each mount point is a real directory. A sandbox may have replaced a parent of one by a link; mounting
 * there would leave its tree. Mount points that it took away in this way are left out.
 */
export function usableMountPoints(root: string, names: readonly string[]): string[] {
  return names.filter((name) => {
    let path = root;
    for (const component of name.split("/")) {
      path = join(path, component);
      const kind = lstatSync(path, { throwIfNoEntry: false });
      if (kind === undefined) mkdirSync(path, { mode: 0o755 });
      else if (!kind.isDirectory()) {
        if (name.includes("/")) return false;
        throw new EngineError("SANDBOX_START_FAILED", `/${name} of the sandbox is no directory`);
      }
    }
    return true;
  });
}

/** What must not be the host's: its name, its identity, and the password files that are hidden with its other secrets. */
async function writeOwnConfiguration(etc: string, hostname: string): Promise<void> {
  const users = namesIn(await readFile("/etc/passwd", "utf8"));
  const groups = namesIn(await readFile("/etc/group", "utf8"));
  const hosts = [
    "127.0.0.1 localhost",
    "::1 localhost ip6-localhost ip6-loopback",
    `127.0.1.1 ${hostname}`,
  ];
  const files: readonly (readonly [string, string, number])[] = [
    ["hostname", `${hostname}\n`, 0o644],
    ["hosts", lines(hosts), 0o644],
    ["machine-id", `${randomBytes(16).toString("hex")}\n`, 0o444],
    ["shadow", lines(users.map((name) => `${name}:*:19000:0:99999:7:::`)), 0o600],
    ["gshadow", lines(groups.map((name) => `${name}:*::`)), 0o600],
  ];
  for (const [name, content, mode] of files) {
    await writeFile(join(etc, name), content, { flag: "wx", mode: 0o600 });
    await chmod(join(etc, name), mode);
  }
  await copySudoers(join(etc, "sudoers"));
}

/** The host's own rules are among its secrets; where it has `sudo`, root of the sandbox may use it. */
async function copySudoers(path: string): Promise<void> {
  if (!lstatSync("/etc/sudoers", { throwIfNoEntry: false })) return;
  await writeFile(path, "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n", { flag: "wx" });
  await chmod(path, 0o440);
}

async function copySkeleton(name: string, home: string): Promise<void> {
  try {
    await copyFile(join("/etc/skel", name), join(home, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Whatever umask this process has. Synchronous, which is ten times as fast for so little. */
function makeDirectory(path: string, mode: number): void {
  mkdirSync(path);
  chmodSync(path, mode);
}

function namesIn(table: string): string[] {
  return table
    .split("\n")
    .map((line) => line.split(":", 1)[0] ?? "")
    .filter((name) => name !== "");
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
