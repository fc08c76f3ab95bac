import { constants, type Stats } from "node:fs";
import { chmod, chown, mkdir, readdir, rename } from "node:fs/promises";
import type { Readable } from "node:stream";
import type { EngineFileInfo, EngineFiles } from "../engine-types.ts";
import { copyEntry } from "./copy-entry.ts";
import { openForReading, writeContent } from "./file-content.ts";
import { fileError, hasCode } from "./file-error.ts";
import { describeFile, statEntry } from "./file-info.ts";
import { withOpenEntry } from "./open-entry.ts";
import {
  entryPath,
  type FileTree,
  type Location,
  O_PATH,
  resolvePath,
  type Target,
} from "./path-walker.ts";
import { removeEntry } from "./remove-entry.ts";

const DEFAULT_DIRECTORY_MODE = 0o755;

/** The files of a sandbox, worked on from the host; see `EngineFiles` for what each method does. */
export class SandboxFiles implements EngineFiles {
  readonly #openTree: () => Promise<FileTree>;

  /** @param openTree - Gives the tree, or rejects when the sandbox is not running. */
  constructor(openTree: () => Promise<FileTree>) {
    this.#openTree = openTree;
  }

  async stat(
    path: string,
    options: { readonly followSymlinks?: boolean } = {},
  ): Promise<EngineFileInfo> {
    const tree = await this.#openTree();
    const followFinal = options.followSymlinks ?? true;
    return resolvePath(tree, path, "stat", { followFinal }, (location) => {
      const { name, stats } = existing(location, "stat", path);
      return describeFile(name, stats, tree.owners);
    });
  }

  async list(directory: string): Promise<EngineFileInfo[]> {
    const tree = await this.#openTree();
    return resolvePath(tree, directory, "scandir", FOLLOW, async (location) => {
      const target = existing(location, "scandir", directory);
      if (!target.stats.isDirectory()) throw fileError("ENOTDIR", "scandir", directory);
      const names = await readdir(target.path, { encoding: "buffer" });
      return names.flatMap((name) => {
        const stats = statEntry(entryPath(target.path, name));
        return stats ? [describeFile(name, stats, tree.owners)] : [];
      });
    });
  }

  async read(
    path: string,
    range: { readonly start?: number; readonly end?: number } = {},
  ): Promise<{ readonly sizeBytes: number; readonly stream: Readable }> {
    return this.#resolve(path, "open", FOLLOW, async (location) => {
      const target = existing(location, "open", path);
      return openForReading(target, path, range);
    });
  }

  async write(
    path: string,
    content: Readable | Uint8Array,
    options: { readonly mode?: number } = {},
  ): Promise<number> {
    for (;;) {
      try {
        return await this.#resolve(path, "open", FOLLOW, (location) => {
          if (path.endsWith("/")) throw fileError("EISDIR", "open", path);
          return writeContent(location, path, content, options.mode);
        });
      } catch (error) {
        // Somebody created the file between our look and our open, and no byte was taken from `content` yet.
        if (!hasCode(error, "EEXIST")) throw error;
      }
    }
  }

  async makeDirectory(
    path: string,
    options: { readonly mode?: number; readonly recursive?: boolean } = {},
  ): Promise<void> {
    const mode = options.mode ?? DEFAULT_DIRECTORY_MODE;
    if (options.recursive) await this.#makeParents(path, mode);
    await this.#makeOneDirectory(path, mode, options.recursive ?? false);
  }

  async remove(path: string, options: { readonly recursive?: boolean } = {}): Promise<void> {
    await this.#resolve(path, "rm", NO_FOLLOW, async (location) => {
      const { stats } = existing(location, "rm", path);
      if (!location.entry) throw fileError("EBUSY", "rm", path);
      await removeEntry(location.entry, stats, options.recursive ?? false);
    });
  }

  async move(source: string, destination: string): Promise<void> {
    const tree = await this.#openTree();
    await resolvePath(tree, source, "rename", NO_FOLLOW, async (from) => {
      const { stats } = existing(from, "rename", source);
      const fromEntry = from.entry;
      if (!fromEntry) throw fileError("EBUSY", "rename", source, destination);
      await resolvePath(tree, destination, "rename", NO_FOLLOW, async (to) => {
        if (!to.entry) throw fileError("EBUSY", "rename", source, destination);
        await this.#moveEntry(fromEntry, stats, to.entry);
      });
    });
  }

  async setMode(path: string, mode: number): Promise<void> {
    await this.#resolve(path, "chmod", FOLLOW, async (location) => {
      await chmod(existing(location, "chmod", path).path, mode & 0o7777);
    });
  }

  async setOwner(
    path: string,
    owner: { readonly uid?: number; readonly gid?: number },
  ): Promise<void> {
    const tree = await this.#openTree();
    await resolvePath(tree, path, "chown", FOLLOW, async (location) => {
      const target = existing(location, "chown", path);
      const ids = [owner.uid, owner.gid].map((id) => {
        if (id === undefined || !tree.owners) return id;
        const hostId = tree.owners.toHost(id);
        // What chown(2) answers for an id that the user namespace does not map.
        if (hostId === undefined) throw fileError("EINVAL", "chown", path);
        return hostId;
      });
      await chown(target.path, ids[0] ?? target.stats.uid, ids[1] ?? target.stats.gid);
    });
  }

  async #resolve<T>(
    path: string,
    syscall: string,
    options: { readonly followFinal: boolean },
    use: (location: Location) => Promise<T> | T,
  ): Promise<T> {
    return resolvePath(await this.#openTree(), path, syscall, options, use);
  }

  async #makeParents(path: string, mode: number): Promise<void> {
    const { prefix } = await this.#openTree();
    const components = path.split("/").filter((component) => component !== "");
    for (let count = 1; count < components.length; count += 1) {
      const parent = `/${components.slice(0, count).join("/")}`;
      if (!`${prefix}/`.startsWith(`${parent}/`)) await this.#makeOneDirectory(parent, mode, true);
    }
  }

  async #makeOneDirectory(path: string, mode: number, mayExist: boolean): Promise<void> {
    await this.#resolve(path, "mkdir", FOLLOW, async ({ entry, target }) => {
      if (target) {
        if (mayExist && target.stats.isDirectory()) return;
        throw fileError("EEXIST", "mkdir", path);
      }
      if (!entry) throw fileError("EEXIST", "mkdir", path);
      await makeDirectoryWithMode(entry, mode, mayExist);
    });
  }

  async #moveEntry(source: Buffer, stats: Stats, destination: Buffer): Promise<void> {
    try {
      await rename(source, destination);
    } catch (error) {
      // Another file system, and also any directory of an overlay's lower layer.
      if (!hasCode(error, "EXDEV")) throw error;
      await copyEntry(source, stats, destination);
      await removeEntry(source, stats, true);
    }
  }
}

const FOLLOW = { followFinal: true };
const NO_FOLLOW = { followFinal: false };

function existing(location: Location, syscall: string, path: string): Target {
  if (location.target) return location.target;
  throw fileError("ENOENT", syscall, path);
}

/** Whatever umask this process has, the sandbox's directory gets the mode that was asked for. */
async function makeDirectoryWithMode(
  entry: Buffer,
  mode: number,
  mayExist: boolean,
): Promise<void> {
  try {
    await mkdir(entry, mode);
  } catch (error) {
    if (mayExist && hasCode(error, "EEXIST")) return;
    throw error;
  }
  const flags = O_PATH | constants.O_NOFOLLOW | constants.O_DIRECTORY;
  await withOpenEntry(entry, flags, (path) => chmod(path, mode));
}
