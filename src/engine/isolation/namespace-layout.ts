import { randomBytes } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  type Stats,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { EngineError } from "../engine-error.ts";
import type { SandboxFolder } from "../state/sandbox-folder.ts";
import { layerPart, ROOT_PART, type SandboxLayers } from "./sandbox-layers.ts";
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
  return join(folder.own, layerPart(name));
}

/**
 * Lays out the root of a new sandbox, and the layers in which its changes to the host's system directories are kept. Synchronous, which is
 * ten times as fast for so little.
 */
export function layOutSandbox(
  folder: SandboxFolder,
  hostname: string,
  system: SystemDirectories,
): void {
  const root = join(folder.own, ROOT_PART);
  makeDirectory(folder.root, 0o755);
  makeDirectory(folder.own, 0o700);
  for (const [name, mode] of OWN_DIRECTORIES) makeDirectory(join(root, name), mode);
  for (const [name, target] of system.links) symlinkSync(target, join(root, name));
  symlinkSync("/run", join(root, "var/run"));
  symlinkSync("/run/lock", join(root, "var/lock"));
  for (const name of system.overlaid) {
    mkdirSync(join(root, name), { recursive: true });
    makeDirectory(upperDirectory(folder, name), lstatSync(join("/", name)).mode & 0o7777);
  }
  for (const name of [".bashrc", ".profile"]) copySkeleton(name, join(root, "root"));
  writeOwnConfiguration(upperDirectory(folder, "etc"), hostname);
}

/**
 * Those of the system's directories on which something can be mounted. A sandbox may have put a link in the place of a
 * parent of one; such a directory is left out.
 */
export function usableMountPoints(layers: SandboxLayers, names: readonly string[]): string[] {
  return names.filter((name) => {
    const components = name.split("/");
    return components.every((_, index) => {
      const found = layers.find(ROOT_PART, components.slice(0, index + 1).join("/"));
      if (!found || found.kind.isDirectory() || isWhiteout(found.kind)) return true;
      if (components.length > 1) return false;
      throw new EngineError("SANDBOX_START_FAILED", `/${name} of the sandbox is no directory`);
    });
  });
}

/** An overlay's note that something was removed. */
function isWhiteout(kind: Stats): boolean {
  return kind.isCharacterDevice() && kind.rdev === 0;
}

/** What must not be the host's: its name, its identity, and the password files that are hidden with its other secrets. */
function writeOwnConfiguration(etc: string, hostname: string): void {
  const users = namesIn(readFileSync("/etc/passwd", "utf8"));
  const groups = namesIn(readFileSync("/etc/group", "utf8"));
  const files: readonly ConfigurationFile[] = [
    ...identityFiles(hostname),
    ["shadow", lines(users.map((name) => `${name}:*:19000:0:99999:7:::`)), 0o600],
    ["gshadow", lines(groups.map((name) => `${name}:*::`)), 0o600],
  ];
  for (const file of files) writeConfiguration(etc, file);
  copySudoers(join(etc, "sudoers"));
}

/** Name in `/etc`, content, mode. */
export type ConfigurationFile = readonly [string, string, number];

/** What tells one sandbox from another. */
export function identityFiles(hostname: string): ConfigurationFile[] {
  const hosts = [
    "127.0.0.1 localhost",
    "::1 localhost ip6-localhost ip6-loopback",
    `127.0.1.1 ${hostname}`,
  ];
  return [
    ["hostname", `${hostname}\n`, 0o644],
    ["hosts", lines(hosts), 0o644],
    ["machine-id", `${randomBytes(16).toString("hex")}\n`, 0o444],
  ];
}

export function writeConfiguration(etc: string, [name, content, mode]: ConfigurationFile): void {
  writeFileSync(join(etc, name), content, { flag: "wx", mode: 0o600 });
  chmodSync(join(etc, name), mode);
}

/** The host's own rules are among its secrets; where it has `sudo`, root of the sandbox may use it. */
function copySudoers(path: string): void {
  if (!lstatSync("/etc/sudoers", { throwIfNoEntry: false })) return;
  writeFileSync(path, "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n", { flag: "wx" });
  chmodSync(path, 0o440);
}

function copySkeleton(name: string, home: string): void {
  try {
    copyFileSync(join("/etc/skel", name), join(home, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** Whatever umask this process has. */
export function makeDirectory(path: string, mode: number): void {
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
