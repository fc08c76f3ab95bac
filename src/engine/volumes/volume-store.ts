import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../engine-error.ts";
import { nameOfOwner } from "../state/owned-folders.ts";
import { removeTree } from "../state/remove-tree.ts";

/** A directory that outlives sandboxes, and that any number of them can have mounted. */
export interface EngineVolume {
  readonly id: string;
  /** Absolute path on this machine, for `EngineSandboxOptions.mounts`. */
  readonly directory: string;
  /** Whatever its maker keeps with it. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

const RECORD = "volume.json";

/** The volumes of one engine directory, below `volumes`. */
export class VolumeStore {
  readonly #engineDirectory: string;

  constructor(engineDirectory: string) {
    this.#engineDirectory = engineDirectory;
  }

  /**
   * Creates an empty volume.
   *
   * @param id - Letters, digits and `-`, at most 64.
   * @throws EngineError `VOLUME_EXISTS` or `INVALID_ARGUMENT`.
   */
  async create(
    id: string,
    metadata: Readonly<Record<string, unknown>> = {},
  ): Promise<EngineVolume> {
    if (!isVolumeId(id)) {
      throw new EngineError("INVALID_ARGUMENT", `${JSON.stringify(id)} is no volume id`);
    }
    await mkdir(this.#folder(), { recursive: true, mode: 0o700 });
    const staged = join(this.#engineDirectory, "staging", nameOfOwner());
    try {
      await mkdir(join(staged, "data"), { recursive: true, mode: 0o755 });
      await writeFile(join(staged, RECORD), JSON.stringify(metadata), { mode: 0o600 });
      await rename(staged, this.#folder(id));
    } catch (error) {
      await removeTree(staged);
      if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? ""))
        throw error;
      throw new EngineError("VOLUME_EXISTS", `There is already a volume ${id}`);
    }
    return { id, directory: this.#data(id), metadata: structuredClone(metadata) };
  }

  async get(id: string): Promise<EngineVolume | undefined> {
    if (!isVolumeId(id)) return undefined;
    let text: string;
    try {
      text = await readFile(join(this.#folder(id), RECORD), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    const metadata = JSON.parse(text) as Record<string, unknown>;
    return { id, directory: this.#data(id), metadata };
  }

  /** In no particular order. */
  async list(): Promise<EngineVolume[]> {
    let ids: string[];
    try {
      ids = await readdir(this.#folder());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
    const volumes = await Promise.all(ids.map((id) => this.get(id)));
    return volumes.filter((volume) => volume !== undefined);
  }

  async setMetadata(id: string, metadata: Readonly<Record<string, unknown>>): Promise<void> {
    await stat(this.#folder(id));
    const temporary = join(this.#folder(id), `${RECORD}.${randomUUID()}`);
    await writeFile(temporary, JSON.stringify(metadata), { mode: 0o600 });
    await rename(temporary, join(this.#folder(id), RECORD));
  }

  /** Removes it with all its files, whoever has it mounted. Does nothing when there is none. */
  async remove(id: string): Promise<void> {
    if (!isVolumeId(id)) return;
    const trash = join(this.#engineDirectory, "trash", `volume-${id}-${randomUUID()}`);
    try {
      await rename(this.#folder(id), trash);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    await removeTree(trash);
  }

  #folder(id = ""): string {
    return join(this.#engineDirectory, "volumes", id);
  }

  #data(id: string): string {
    return join(this.#folder(id), "data");
  }
}

function isVolumeId(id: string): boolean {
  return /^[A-Za-z0-9-]{1,64}$/.test(id);
}
