import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { EngineError } from "../engine-error.ts";

/** What the engine keeps on disk as JSON. */
interface VersionedRecord {
  readonly version: 1;
}

/** Undefined when there is no such file. */
export async function readRecord<T extends VersionedRecord>(path: string): Promise<T | undefined> {
  let text: string;
  try {
    // Not in turns of the thread pool, each of which costs more than to read so small a file.
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  let record: T;
  try {
    record = JSON.parse(text) as T;
  } catch (cause) {
    throw new EngineError("STATE_UNREADABLE", `${path} is not JSON`, { cause });
  }
  if (record.version !== 1) {
    throw new EngineError(
      "STATE_UNREADABLE",
      `${path} was written by another version of the engine (${String(record.version)}, expected 1)`,
    );
  }
  return record;
}

export function formatRecord(record: VersionedRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** A crash leaves the old record or the new one, never a part; a crash of the machine too. */
export async function writeRecord(path: string, record: VersionedRecord): Promise<void> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(formatRecord(record));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
