import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { Parser, type ReadEntry } from "tar";
import type { ObjectStore } from "../object-storage/object-store.ts";
import { StorageError } from "../object-storage/storage-error.ts";
import { BuildFailure } from "./build-failure.ts";

export interface ContextFile {
  readonly mode: number;
  readonly bytes: Buffer;
}

/** Files by their path without a leading slash. */
export type ContextFiles = ReadonlyMap<string, ContextFile>;

/**
 * The files that were uploaded for a build, put together as the runner of Daytona v0.190 does: directories are left out, so an
 * empty one vanishes, and a symbolic link becomes an empty file.
 *
 * @throws BuildFailure when an archive was not uploaded.
 */
export async function loadContext(
  store: ObjectStore,
  organizationId: string,
  hashes: readonly string[],
): Promise<ContextFiles> {
  const files = new Map<string, ContextFile>();
  for (const hash of hashes) {
    try {
      const { stream } = await store.open(`${organizationId}/${hash}/context.tar`);
      for (const [path, file] of await readArchive(stream)) files.set(path, file);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      throw new BuildFailure(`failed to get tar from storage with hash ${hash}: ${error.message}`);
    }
  }
  return files;
}

/** The files of a tar archive, also of a compressed one. */
export async function readArchive(archive: Readable): Promise<Map<string, ContextFile>> {
  const files = new Map<string, ContextFile>();
  const reading: Promise<void>[] = [];
  const parser = new Parser({
    onReadEntry: (entry: ReadEntry) => {
      if (entry.type === "Directory") {
        entry.resume();
        return;
      }
      const path = posix.normalize(`/${entry.path}`).slice(1);
      const mode = (entry.mode ?? 0o644) & 0o7777;
      reading.push(
        buffer(entry as unknown as AsyncIterable<Buffer>).then((bytes) => {
          files.set(path, { mode, bytes });
        }),
      );
    },
  });
  await new Promise<void>((resolve, reject) => {
    archive.once("error", reject);
    parser.once("error", reject);
    parser.once("end", () => resolve());
    archive.on("data", (chunk: Buffer) => {
      if (!parser.write(chunk)) {
        archive.pause();
        parser.once("drain", () => archive.resume());
      }
    });
    archive.once("end", () => parser.end());
  });
  await Promise.all(reading);
  return files;
}

/** A hash of files with their names and modes. */
export function hashFiles(files: Iterable<readonly [string, ContextFile]>): string {
  const hash = createHash("sha256");
  for (const [path, { mode, bytes }] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${JSON.stringify(path)} ${mode} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}
