import { randomUUID } from "node:crypto";
import { posix } from "node:path";
import { buffer } from "node:stream/consumers";
import type { EngineSandbox } from "../../engine/engine-types.ts";
import type { LocalEngine } from "../../engine/local-engine.ts";
import { goGlob } from "../toolbox/go-glob.ts";
import type { ContextFile, ContextFiles } from "./build-context.ts";
import { BuildFailure } from "./build-failure.ts";

/** A file or directory that is copied. */
export interface CopySource {
  /** Base name of what was named; used when it goes into a directory. */
  readonly name: string;
  readonly isDirectory: boolean;
  /** By path below the source; "" for a single file. */
  readonly files: readonly (readonly [string, ContextFile])[];
}

/** Where a COPY finds its sources. Paths have no leading slash. */
export interface CopySources {
  find(pattern: string): Promise<readonly CopySource[]>;
}

/** The files that were uploaded for the build. */
export class ContextSources implements CopySources {
  readonly #files: ContextFiles;

  constructor(files: ContextFiles) {
    this.#files = files;
  }

  async find(pattern: string): Promise<readonly CopySource[]> {
    const found = this.#at(pattern);
    if (found) return [found];
    const glob = /[*?[\\]/.test(pattern) ? goGlob(pattern) : undefined;
    if (!glob) return [];
    const depth = pattern.split("/").length;
    const names = new Set<string>();
    for (const path of this.#files.keys()) {
      const parts = path.split("/");
      const candidate = parts.slice(0, depth).join("/");
      if (parts.length >= depth && glob.test(candidate)) names.add(candidate);
    }
    return [...names].sort().flatMap((name) => this.#at(name) ?? []);
  }

  #at(path: string): CopySource | undefined {
    const name = posix.basename(path);
    const file = this.#files.get(path);
    if (file) return { name, isDirectory: false, files: [["", file]] };
    const prefix = path === "" ? "" : `${path}/`;
    const files = [...this.#files]
      .filter(([other]) => other.startsWith(prefix))
      .map(([other, inside]) => [other.slice(prefix.length), inside] as const);
    return files.length === 0 ? undefined : { name, isDirectory: true, files };
  }
}

/** The files of an earlier stage. Links and empty directories of a directory are left out. */
export class StageSources implements CopySources {
  readonly #engine: LocalEngine;
  readonly #layer: string | undefined;
  readonly #metadata: Readonly<Record<string, unknown>>;

  constructor(
    engine: LocalEngine,
    layer: string | undefined,
    metadata: Readonly<Record<string, unknown>>,
  ) {
    this.#engine = engine;
    this.#layer = layer;
    this.#metadata = metadata;
  }

  async find(pattern: string): Promise<readonly CopySource[]> {
    if (/[*?[]/.test(pattern))
      throw new BuildFailure("the emulator does not implement wildcards in COPY --from");
    const sandbox = await this.#engine.create({
      id: `build-${randomUUID()}`,
      metadata: this.#metadata,
      ...(this.#layer === undefined ? {} : { snapshotId: this.#layer }),
    });
    try {
      return await readSource(sandbox, `/${pattern}`);
    } finally {
      await sandbox.delete();
    }
  }
}

async function readSource(sandbox: EngineSandbox, path: string): Promise<CopySource[]> {
  const name = posix.basename(path);
  try {
    const { type, mode } = await sandbox.files.stat(path);
    if (type === "directory")
      return [{ name, isDirectory: true, files: await readTree(sandbox, path, "") }];
    return [
      { name, isDirectory: false, files: [["", { mode, bytes: await readAll(sandbox, path) }]] },
    ];
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

async function readTree(
  sandbox: EngineSandbox,
  root: string,
  below: string,
): Promise<(readonly [string, ContextFile])[]> {
  const files: (readonly [string, ContextFile])[] = [];
  for (const { name, type, mode } of await sandbox.files.list(posix.join(root, below))) {
    const path = posix.join(below, name);
    if (type === "directory") files.push(...(await readTree(sandbox, root, path)));
    else if (type === "file")
      files.push([path, { mode, bytes: await readAll(sandbox, posix.join(root, path)) }]);
  }
  return files;
}

async function readAll({ files }: EngineSandbox, path: string): Promise<Buffer> {
  return buffer((await files.read(path)).stream);
}
