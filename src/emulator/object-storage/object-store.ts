import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, type ReadStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { noSuchKey, noSuchUpload, StorageError } from "./storage-error.ts";

export interface StoredObject {
  readonly key: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
}

/** What a client says that the bytes are; undefined is not compared. */
export interface ExpectedContent {
  readonly sha256Hex?: string | undefined;
  readonly crc32Base64?: string | undefined;
}

export interface WrittenContent {
  /** With the quotation marks that S3 puts around it. */
  readonly etag: string;
}

const longestKey = 200;

/** Objects by key, as files of one folder. An object is complete or not there. */
export class ObjectStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async put(key: string, content: Readable, expected: ExpectedContent): Promise<WrittenContent> {
    const temporary = await this.#temporaryPath();
    try {
      const written = await writeChecked(temporary, content, expected);
      await this.#publish(temporary, key);
      return written;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async find(key: string): Promise<StoredObject | undefined> {
    try {
      const { size, mtime } = await stat(this.#pathOf(key));
      return { key, sizeBytes: size, modifiedAt: mtime };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** @throws StorageError 404 */
  async open(key: string): Promise<{ readonly object: StoredObject; readonly stream: ReadStream }> {
    const object = await this.find(key);
    if (!object) throw noSuchKey();
    return { object, stream: createReadStream(this.#pathOf(key)) };
  }

  async list(prefix: string): Promise<StoredObject[]> {
    await this.#make();
    const names = await readdir(join(this.#folder, "objects"));
    const keys = names.map(decodeURIComponent).filter((key) => key.startsWith(prefix));
    const objects = await Promise.all(keys.sort().map((key) => this.find(key)));
    return objects.filter((object) => object !== undefined);
  }

  async beginUpload(): Promise<string> {
    const id = randomUUID();
    await this.#make();
    await mkdir(this.#uploadFolder(id), { mode: 0o700 });
    return id;
  }

  async putPart(
    uploadId: string,
    number: number,
    content: Readable,
    expected: ExpectedContent,
  ): Promise<WrittenContent> {
    await this.#assertUpload(uploadId);
    const temporary = await this.#temporaryPath();
    try {
      const written = await writeChecked(temporary, content, expected);
      await rename(temporary, join(this.#uploadFolder(uploadId), String(number)));
      return written;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async completeUpload(
    uploadId: string,
    key: string,
    parts: readonly number[],
  ): Promise<WrittenContent> {
    await this.#assertUpload(uploadId);
    const folder = this.#uploadFolder(uploadId);
    const present = new Set(await readdir(folder));
    if (parts.length === 0 || parts.some((part) => !present.has(String(part))))
      throw new StorageError(400, "InvalidPart", "One or more of the parts could not be found.");
    const temporary = await this.#temporaryPath();
    try {
      await pipeline(partsOf(folder, parts), createWriteStream(temporary, { mode: 0o600 }));
      await this.#publish(temporary, key);
    } finally {
      await rm(temporary, { force: true });
    }
    await rm(folder, { recursive: true });
    return { etag: `"${createHash("md5").update(uploadId).digest("hex")}-${parts.length}"` };
  }

  async abortUpload(uploadId: string): Promise<void> {
    await this.#assertUpload(uploadId);
    await rm(this.#uploadFolder(uploadId), { recursive: true });
  }

  async #assertUpload(uploadId: string): Promise<void> {
    if (!/^[0-9a-f-]{36}$/.test(uploadId)) throw noSuchUpload();
    const there = await stat(this.#uploadFolder(uploadId)).catch(() => undefined);
    if (!there) throw noSuchUpload();
  }

  async #publish(temporary: string, key: string): Promise<void> {
    await rename(temporary, this.#pathOf(key));
  }

  #pathOf(key: string): string {
    if (key === "" || key.length > longestKey)
      throw new StorageError(400, "KeyTooLongError", "Your key is too long");
    return join(this.#folder, "objects", encodeURIComponent(key));
  }

  #uploadFolder(id: string): string {
    return join(this.#folder, "uploads", id);
  }

  async #temporaryPath(): Promise<string> {
    await this.#make();
    return join(this.#folder, "uploads", `${randomUUID()}.part`);
  }

  async #make(): Promise<void> {
    for (const name of ["objects", "uploads"])
      await mkdir(join(this.#folder, name), { recursive: true, mode: 0o700 });
  }
}

async function* partsOf(folder: string, parts: readonly number[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield* createReadStream(join(folder, String(part)));
}

async function writeChecked(
  path: string,
  content: Readable,
  { sha256Hex, crc32Base64 }: ExpectedContent,
): Promise<WrittenContent> {
  const md5 = createHash("md5");
  const sha256 = createHash("sha256");
  let checksum = 0;
  await pipeline(
    content,
    async function* measure(chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        md5.update(chunk);
        sha256.update(chunk);
        checksum = crc32(chunk, checksum);
        yield chunk;
      }
    },
    createWriteStream(path, { mode: 0o600 }),
  );
  if (sha256Hex !== undefined && sha256.digest("hex") !== sha256Hex)
    throw new StorageError(
      400,
      "XAmzContentSHA256Mismatch",
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(checksum);
  if (crc32Base64 !== undefined && bytes.toString("base64") !== crc32Base64)
    throw new StorageError(
      400,
      "BadDigest",
      "The CRC32 you specified did not match what we received.",
    );
  return { etag: `"${md5.digest("hex")}"` };
}
