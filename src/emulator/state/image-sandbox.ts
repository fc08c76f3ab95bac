import { posix } from "node:path";
import type { Readable } from "node:stream";
import type {
  EngineConnection,
  EngineFileInfo,
  EngineFiles,
  EngineProcess,
  EngineProcessOptions,
  EnginePty,
  EnginePtyOptions,
  EngineSandbox,
} from "../../engine/engine-types.ts";
import type { RunAs } from "../build/run-as.ts";

/** A sandbox as the daemon in an image sees it: as the image's user, in the image's working directory. */
export class ImageSandbox implements EngineSandbox {
  readonly #engine: EngineSandbox;
  readonly #runAs: RunAs;
  readonly files: EngineFiles;
  readonly workDirectory: string;

  constructor(engine: EngineSandbox, as: RunAs, workDir: string | undefined) {
    this.#engine = engine;
    this.#runAs = as;
    this.files = as.uid === 0 && as.gid === 0 ? engine.files : new UserFiles(engine.files, as);
    this.workDirectory = workDir ?? this.homeDirectory;
  }

  get id() {
    return this.#engine.id;
  }

  get isolation() {
    return this.#engine.isolation;
  }

  get network() {
    return this.#engine.network;
  }

  get metadata() {
    return this.#engine.metadata;
  }

  get homeDirectory(): string {
    return this.#runAs.env.HOME ?? this.#engine.homeDirectory;
  }

  state() {
    return this.#engine.state();
  }

  start(): Promise<void> {
    return this.#engine.start();
  }

  stop(options?: { readonly graceMs?: number }): Promise<void> {
    return this.#engine.stop(options);
  }

  delete(): Promise<void> {
    return this.#engine.delete();
  }

  setMetadata(metadata: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#engine.setMetadata(metadata);
  }

  spawn(argv: readonly string[], options: EngineProcessOptions = {}): Promise<EngineProcess> {
    return this.#engine.spawn([...this.#runAs.prefix, ...argv], this.#with(options));
  }

  openPty(options: EnginePtyOptions): Promise<EnginePty> {
    const argv = [...this.#runAs.prefix, ...options.argv];
    return this.#engine.openPty({ ...options, ...this.#with(options), argv });
  }

  connect(port: number, options?: { readonly signal?: AbortSignal }): Promise<EngineConnection> {
    return this.#engine.connect(port, options);
  }

  listeningPorts(): Promise<number[]> {
    return this.#engine.listeningPorts();
  }

  #with({ cwd = this.workDirectory, env }: EngineProcessOptions): EngineProcessOptions {
    return { cwd, env: { ...this.#runAs.env, ...env } };
  }
}

/** Files that the daemon makes belong to its user. What it may read and change is not looked at. */
class UserFiles implements EngineFiles {
  readonly #files: EngineFiles;
  readonly #owner: { readonly uid: number; readonly gid: number };

  constructor(files: EngineFiles, { uid, gid }: RunAs) {
    this.#files = files;
    this.#owner = { uid, gid };
  }

  stat(path: string, options?: { readonly followSymlinks?: boolean }): Promise<EngineFileInfo> {
    return this.#files.stat(path, options);
  }

  list(directory: string): Promise<EngineFileInfo[]> {
    return this.#files.list(directory);
  }

  read(path: string, options?: { readonly start?: number; readonly end?: number }) {
    return this.#files.read(path, options);
  }

  async write(
    path: string,
    content: Readable | Uint8Array,
    options?: { readonly mode?: number },
  ): Promise<number> {
    const isNew = !(await this.#exists(path));
    const sizeBytes = await this.#files.write(path, content, options);
    if (isNew) await this.#files.setOwner(path, this.#owner);
    return sizeBytes;
  }

  async makeDirectory(
    path: string,
    options?: { readonly mode?: number; readonly recursive?: boolean },
  ): Promise<void> {
    const made: string[] = [];
    for (let at = path; !(await this.#exists(at)); at = posix.dirname(at)) made.push(at);
    await this.#files.makeDirectory(path, options);
    for (const directory of made) await this.#files.setOwner(directory, this.#owner);
  }

  remove(path: string, options?: { readonly recursive?: boolean }): Promise<void> {
    return this.#files.remove(path, options);
  }

  move(source: string, destination: string): Promise<void> {
    return this.#files.move(source, destination);
  }

  setMode(path: string, mode: number): Promise<void> {
    return this.#files.setMode(path, mode);
  }

  setOwner(path: string, owner: { readonly uid?: number; readonly gid?: number }): Promise<void> {
    return this.#files.setOwner(path, owner);
  }

  async #exists(path: string): Promise<boolean> {
    try {
      await this.#files.stat(path);
      return true;
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
      throw error;
    }
  }
}
