import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { fileError } from "./file-error.ts";
import type { Location, Target } from "./path-walker.ts";

const DEFAULT_FILE_MODE = 0o644;
/** A FIFO without a partner must not hold the call. */
const NEVER_WAIT = constants.O_NONBLOCK | constants.O_NOCTTY;

/** The stream closes the file at its end, on an error and when it is destroyed. */
export async function openForReading(
  target: Target,
  path: string,
  range: { readonly start?: number; readonly end?: number },
): Promise<{ readonly sizeBytes: number; readonly stream: Readable }> {
  if (target.stats.isDirectory()) throw fileError("EISDIR", "read", path);
  if (!target.stats.isFile()) throw fileError("EINVAL", "open", path);
  const { start = 0, end } = range;
  const file = await open(target.path, constants.O_RDONLY | NEVER_WAIT);
  try {
    const { size } = await file.stat();
    if (end !== undefined && end <= start) {
      await file.close();
      return { sizeBytes: size, stream: Readable.from([]) };
    }
    const last = end === undefined ? {} : { end: end - 1 };
    return { sizeBytes: size, stream: file.createReadStream({ start, ...last }) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Resolves with the bytes written. */
export async function writeContent(
  location: Location,
  path: string,
  content: Readable | Uint8Array,
  mode: number | undefined,
): Promise<number> {
  const file = await openForWriting(location, path, mode);
  try {
    if (content instanceof Uint8Array) {
      await file.writeFile(content);
      return content.byteLength;
    }
    let writtenBytes = 0;
    for await (const chunk of content) {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : (chunk as Uint8Array);
      await file.writeFile(bytes);
      writtenBytes += bytes.byteLength;
    }
    return writtenBytes;
  } catch (error) {
    // A source that breaks the copy must not stay open behind our back.
    if (content instanceof Readable && !content.destroyed) {
      content.destroy();
      await finished(content).catch(() => undefined);
    }
    throw error;
  } finally {
    await file.close();
  }
}

async function openForWriting(
  { entry, target }: Location,
  path: string,
  mode: number | undefined,
): Promise<FileHandle> {
  if (target) return openExisting(target, path, mode);
  if (!entry) throw fileError("EISDIR", "open", path);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(entry, flags, 0o600);
  try {
    // Whatever umask this process has, the file gets the mode that was asked for.
    await file.chmod(mode ?? DEFAULT_FILE_MODE);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openExisting(
  target: Target,
  path: string,
  mode: number | undefined,
): Promise<FileHandle> {
  if (target.stats.isDirectory()) throw fileError("EISDIR", "open", path);
  if (!target.stats.isFile() && !target.stats.isCharacterDevice()) {
    throw fileError("EINVAL", "open", path);
  }
  const flags = constants.O_WRONLY | constants.O_TRUNC | NEVER_WAIT;
  const file = await open(target.path, flags);
  try {
    if (mode !== undefined && target.stats.isFile()) await file.chmod(mode);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
