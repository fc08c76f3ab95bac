import { stat, writeFile } from "node:fs/promises";
import type { SandboxRecord } from "../../core/transport.ts";
import type { EngineSandbox } from "../../engine/engine-types.ts";
import type { ProcessIdentity } from "../../engine/processes/process-identity.ts";
import type { OpenEngine } from "./local-connection.ts";
import { isIdOfName } from "./local-names.ts";
import { readNote, type SandboxNote, toSandboxRecord } from "./local-states.ts";

/** A sandbox of ours. */
export interface NotedSandbox {
  readonly sandbox: EngineSandbox;
  readonly note: SandboxNote;
}

/** How often one of the processes that use the folder looks for what dead ones have left. */
const sweepIntervalMs = 10 * 60_000;

export function ownIdentity({ module }: OpenEngine): ProcessIdentity {
  const identity = module.identifyProcess(process.pid);
  if (identity === undefined) throw new Error("/proc is not readable");
  return identity;
}

/** The sandbox with that ID. A deletion whose process died in its midst is brought to its end first. */
export async function findSandbox(open: OpenEngine, id: string): Promise<NotedSandbox | undefined> {
  const { engine, module } = open;
  const sandbox = await engine.get(id);
  const note = sandbox && readNote(sandbox.metadata);
  if (sandbox === undefined || note === undefined) return undefined;
  if (note.deletedBy === undefined || module.isProcessAlive(note.deletedBy)) {
    return { sandbox, note };
  }
  await deleteSandbox(open, sandbox);
  return undefined;
}

/** Deletes it and what is kept beside it. */
export async function deleteSandbox(
  { activity }: OpenEngine,
  sandbox: EngineSandbox,
): Promise<void> {
  await sandbox.delete();
  await activity.forget(sandbox.id);
}

/** What is known of a sandbox now; undefined when it is gone. */
export async function describeSandbox(
  { activity }: OpenEngine,
  { sandbox, note }: NotedSandbox,
): Promise<SandboxRecord | undefined> {
  try {
    const state = await sandbox.state();
    return toSandboxRecord(sandbox.id, note, state, await activity.lastAt(sandbox.id));
  } catch (error) {
    if ((error as { code?: unknown } | undefined)?.code === "SANDBOX_NOT_FOUND") return undefined;
    throw error;
  }
}

/** All sandboxes with these labels, the oldest first. One whose state cannot be read is left out: whoever asks for it learns why. */
export async function listSandboxes(
  open: OpenEngine,
  labels: Readonly<Record<string, string>>,
): Promise<SandboxRecord[]> {
  const wanted = Object.entries(labels);
  const records: SandboxRecord[] = [];
  for (const id of await open.engine.ids()) {
    const found = await findSandbox(open, id).catch(() => undefined);
    const record = found && (await describeSandbox(open, found));
    if (record !== undefined && wanted.every(([key, value]) => record.labels[key] === value)) {
      records.push(record);
    }
  }
  const age = ({ createdAt }: SandboxRecord): number => createdAt?.getTime() ?? 0;
  return records.sort((one, other) => age(one) - age(other));
}

/** The sandbox of that name; undefined also while it is being created. */
export async function findSandboxOfName(
  open: OpenEngine,
  name: string,
): Promise<NotedSandbox | undefined> {
  for (const id of await open.engine.ids()) {
    if (!isIdOfName(id, name)) continue;
    const found = await findSandbox(open, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Replaces the note of a sandbox while nobody else decides about it. Does nothing when there is no such sandbox. */
export async function changeNote(
  open: OpenEngine,
  { id, name }: { readonly id: string; readonly name: string },
  change: (note: SandboxNote) => SandboxNote | undefined,
): Promise<void> {
  await open.names.exclusively(name, async () => {
    const sandbox = await open.engine.get(id);
    const note = sandbox && readNote(sandbox.metadata);
    const changed = note && change(note);
    if (changed !== undefined) await sandbox?.setMetadata({ ...changed });
  });
}

/** Deletes sandboxes whose setup nobody will finish any more, at most once in a while. */
export async function sweepUnfinished(open: OpenEngine): Promise<void> {
  const lastMs = await stat(open.sweepStamp).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
  if (lastMs !== undefined && Math.abs(Date.now() - lastMs) < sweepIntervalMs) return;
  await writeFile(open.sweepStamp, "", { mode: 0o600 });
  await open.names.removeForgotten();
  for (const id of await open.engine.ids()) {
    await sweepOne(open, id).catch(() => {
      // Whoever asks for that sandbox learns what is wrong with it, and the next sweep tries again.
    });
  }
}

async function sweepOne(open: OpenEngine, id: string): Promise<void> {
  const found = await findSandbox(open, id);
  if (found === undefined || !isAbandoned(open, found.note)) return;
  await open.names.exclusively(found.note.name, async () => {
    const again = await findSandbox(open, id);
    if (again !== undefined && isAbandoned(open, again.note))
      await deleteSandbox(open, again.sandbox);
  });
}

function isAbandoned({ module }: OpenEngine, { unfinished }: SandboxNote): boolean {
  if (unfinished === undefined || module.isProcessAlive(unfinished.by)) return false;
  return Date.parse(unfinished.until) < Date.now();
}
