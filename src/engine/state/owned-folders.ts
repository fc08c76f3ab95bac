import { randomUUID } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../engine-error.ts";
import { identifyProcess } from "../processes/process-identity.ts";
import { removeTree } from "./remove-tree.ts";

const PATIENCE_MS = 10_000;
const POLL_MS = 20;

/** A new name for a folder that is of use to this process alone. */
export function nameOfOwner(): string {
  const identity = identifyProcess(process.pid);
  if (!identity) throw new EngineError("STATE_UNREADABLE", "/proc is not readable");
  return `${identity.pid}-${identity.startTicks}-${identity.bootId.slice(0, 8)}-${randomUUID()}`;
}

/** Paths of those folders, named by a prefix and `nameOfOwner`, whose process has ended. */
export async function foldersOfTheDead(parent: string, prefix = ""): Promise<string[]> {
  const names = (await readdir(parent)).filter((name) => name.startsWith(prefix));
  return names
    .filter((name) => !isOwnerAlive(name.slice(prefix.length)))
    .map((name) => join(parent, name));
}

/** Removes those folders, named by `nameOfOwner`, whose process has ended. */
export async function removeFoldersOfTheDead(parent: string): Promise<void> {
  for (const folder of await foldersOfTheDead(parent)) await removeFolderOfTheDead(folder);
}

/** What a dead process had started ends soon after it, and may put something there until then. */
export async function removeFolderOfTheDead(folder: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      await removeTree(folder);
      return;
    } catch (error) {
      const isInUse = /Directory not empty/.test(String((error as { stderr?: unknown }).stderr));
      if (!isInUse || performance.now() > deadline) throw error;
      await delay(POLL_MS);
    }
  }
}

function isOwnerAlive(name: string): boolean {
  const [pid, startTicks, boot] = name.split("-");
  const owner = identifyProcess(Number(pid));
  return owner?.startTicks === startTicks && owner?.bootId.slice(0, 8) === boot;
}
