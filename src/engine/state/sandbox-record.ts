import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { EngineError } from "../engine-error.ts";
import type { Isolation } from "../engine-types.ts";
import type { ProcessIdentity } from "../processes/process-identity.ts";

/** A run of a sandbox, from its start to its stop. Void after a reboot, and when its holder is gone. */
export interface SandboxRun {
  readonly bootId: string;
  /** The process that keeps the sandbox's namespaces; null without namespaces. */
  readonly holder: ProcessIdentity | null;
}

/** What is kept on disk of a sandbox, so that any process can use it by its id. */
export interface SandboxRecord {
  readonly version: 1;
  readonly id: string;
  readonly isolation: Isolation;
  readonly createdAt: string;
  /** A sandbox whose creator died before `ready` is garbage. */
  readonly phase: "creating" | "ready";
  readonly creator: ProcessIdentity;
  /** A random word in the environment of the processes that belong to the sandbox. */
  readonly marker: string;
  readonly env: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly run: SandboxRun | null;
}

/** Undefined when there is no such file. */
export async function readRecord(path: string): Promise<SandboxRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  let record: SandboxRecord;
  try {
    record = JSON.parse(text) as SandboxRecord;
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

export function formatRecord(record: SandboxRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** A crash leaves the old record or the new one, never a part; a crash of the machine too. */
export async function writeRecord(path: string, record: SandboxRecord): Promise<void> {
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
