import { closeSync, constants, fstatSync, openSync, readlinkSync, type Stats } from "node:fs";
import { fileError, hasCode, toSandboxError } from "./file-error.ts";

/** Opens a name without reading or following it; Node has no constant for it. */
export const O_PATH = 0o10000000;
const MAX_SYMLINKS = 40;

/** The tree in which paths are resolved. */
export interface FileTree {
  /** Opens the root with `O_PATH | O_DIRECTORY`; the caller closes it. */
  openRoot(): number;
  /** Absolute path that the root has for the sandbox's processes: `/` with namespaces. A path outside is EACCES. */
  readonly prefix: string;
  /** Owners as the sandbox sees them, and back. Undefined: the same numbers as on the host. */
  readonly owners?: OwnerMap | undefined;
}

export interface OwnerMap {
  toSandbox(hostId: number): number;
  /** Undefined when the sandbox has no such user. */
  toHost(sandboxId: number): number | undefined;
}

/** Where a path leads: a name in an open directory, and the object of that name if there is one. */
export interface Location {
  /** `/proc/self/fd/N/name`: for operations that do not follow a final link. Undefined for the root and `..`. */
  readonly entry: Buffer | undefined;
  readonly target: Target | undefined;
}

export interface Target {
  readonly name: Buffer;
  readonly stats: Stats;
  /** `/proc/self/fd/N`: exactly this object, whatever its name means by now. */
  readonly path: string;
}

export interface ResolveOptions {
  /** Whether a link in the last place is followed. A path that ends in `/` always is. */
  readonly followFinal: boolean;
}

/**
 * Resolves a path inside the tree and gives its location to `use`.
 *
 * Every step opens one name in an open directory and follows no link; links are read and resolved here. So no link of the
 * sandbox, and no rename while we walk, leads out of the tree. Everything that was opened is closed when `use` is done.
 */
export async function resolvePath<T>(
  tree: FileTree,
  path: string,
  syscall: string,
  options: ResolveOptions,
  use: (location: Location) => Promise<T> | T,
): Promise<T> {
  const walk = new Walk(tree, path, syscall);
  try {
    return await use(walk.run(options));
  } catch (error) {
    throw toSandboxError(error, syscall, path);
  } finally {
    walk.close();
  }
}

export function entryPath(directoryPath: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${directoryPath}/`), name]);
}

class Walk {
  readonly #tree: FileTree;
  readonly #path: string;
  readonly #syscall: string;
  /** The root and the directories below it up to where we are. */
  readonly #directories: number[] = [];
  #final: number | undefined;

  constructor(tree: FileTree, path: string, syscall: string) {
    this.#tree = tree;
    this.#path = path;
    this.#syscall = syscall;
  }

  run({ followFinal }: ResolveOptions): Location {
    if (this.#path.includes("\0")) throw this.#error("EINVAL");
    this.#directories.push(this.#tree.openRoot());
    let pending = this.#componentsBelowRoot(Buffer.from(this.#path));
    let symlinks = 0;
    let last: { name: Buffer; entry: Buffer } | undefined;
    for (;;) {
      const name = pending.shift();
      if (name === undefined) return this.#locationOfDirectory(last);
      if (isName(name, "") || isName(name, ".")) continue;
      if (isName(name, "..")) {
        this.#leaveDirectory();
        last = undefined;
        continue;
      }
      const entry = entryPath(this.#here, name);
      const isLast = pending.length === 0;
      const descriptor = this.#openEntry(entry, isLast || isOnlySlashes(pending));
      if (descriptor === undefined) return { entry, target: undefined };
      this.#final = descriptor;
      const stats = fstatSync(descriptor);
      if (stats.isSymbolicLink() && !(isLast && !followFinal)) {
        symlinks += 1;
        if (symlinks > MAX_SYMLINKS) throw this.#error("ELOOP");
        const link = readlinkSync(entry, { encoding: "buffer" });
        this.#closeFinal();
        pending = [...this.#linkComponents(link), ...pending];
        last = undefined;
      } else if (stats.isDirectory()) {
        this.#directories.push(descriptor);
        this.#final = undefined;
        last = { name, entry };
      } else if (isLast) {
        return { entry, target: { name, stats, path: `/proc/self/fd/${descriptor}` } };
      } else {
        throw this.#error("ENOTDIR");
      }
    }
  }

  close(): void {
    this.#closeFinal();
    for (const descriptor of this.#directories.splice(0)) closeSync(descriptor);
  }

  get #here(): string {
    return `/proc/self/fd/${this.#directories.at(-1)}`;
  }

  #openEntry(entry: Buffer, mayBeMissing: boolean): number | undefined {
    try {
      return openSync(entry, O_PATH | constants.O_NOFOLLOW);
    } catch (error) {
      if (mayBeMissing && hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  #locationOfDirectory(last: { name: Buffer; entry: Buffer } | undefined): Location {
    const descriptor = this.#directories.at(-1);
    if (descriptor === undefined) throw this.#error("ENOENT");
    const stats = fstatSync(descriptor);
    const target = { name: last?.name ?? Buffer.from("/"), stats, path: this.#here };
    return { entry: last?.entry, target };
  }

  /** `..` at the root of a namespace stays there, as the kernel has it; without namespaces it would leave the folder. */
  #leaveDirectory(): void {
    if (this.#directories.length > 1) closeSync(this.#directories.pop() as number);
    else if (this.#tree.prefix !== "/") throw this.#error("EACCES");
  }

  #linkComponents(link: Buffer): Buffer[] {
    if (link.length === 0) throw this.#error("ENOENT");
    if (link[0] !== SLASH) return splitPath(link);
    const components = this.#componentsBelowRoot(link);
    for (const descriptor of this.#directories.splice(1)) closeSync(descriptor);
    return components;
  }

  #componentsBelowRoot(path: Buffer): Buffer[] {
    if (path[0] !== SLASH) throw this.#error("EINVAL");
    const components = splitPath(path);
    for (const expected of splitPath(Buffer.from(this.#tree.prefix))) {
      if (isName(expected, "")) continue;
      let component = components.shift();
      while (component && (isName(component, "") || isName(component, "."))) {
        component = components.shift();
      }
      if (!component?.equals(expected)) throw this.#error("EACCES");
    }
    return components;
  }

  #closeFinal(): void {
    if (this.#final !== undefined) closeSync(this.#final);
    this.#final = undefined;
  }

  #error(code: "EACCES" | "EINVAL" | "ELOOP" | "ENOENT" | "ENOTDIR"): NodeJS.ErrnoException {
    return fileError(code, this.#syscall, this.#path);
  }
}

const SLASH = 0x2f;

function splitPath(path: Buffer): Buffer[] {
  const components: Buffer[] = [];
  let start = 0;
  for (;;) {
    const end = path.indexOf(SLASH, start);
    if (end < 0) return [...components, path.subarray(start)];
    components.push(path.subarray(start, end));
    start = end + 1;
  }
}

function isName(component: Buffer, name: string): boolean {
  return component.equals(Buffer.from(name));
}

function isOnlySlashes(components: readonly Buffer[]): boolean {
  return components.every((component) => isName(component, ""));
}
