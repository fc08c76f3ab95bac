import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../engine-error.ts";
import {
  identifyProcess,
  isProcessAlive,
  type ProcessIdentity,
} from "../processes/process-identity.ts";

const POLL_INTERVAL_MS = 10;
const WAIT_MS = 60_000;

interface LockContent extends ProcessIdentity {
  readonly nonce: string;
}

/**
 * Runs an action while no other process, and no other call of this one, acts on the same sandbox. A lock whose owner died
 * is taken over.
 *
 * @throws EngineError `SANDBOX_LOCKED` after 60 seconds of waiting.
 */
export async function withLock<T>(path: string, action: () => Promise<T>): Promise<T> {
  const nonce = await acquire(path);
  try {
    return await action();
  } finally {
    if (readLock(path)?.nonce === nonce) rmSync(path, { force: true });
  }
}

async function acquire(path: string): Promise<string> {
  const nonce = randomUUID();
  const own = `${path}.${nonce}`;
  const identity = identifyProcess(process.pid);
  if (!identity) throw new EngineError("STATE_UNREADABLE", "/proc is not readable");
  // The file is complete before it gets the lock's name, so that nobody ever reads a half-written lock.
  writeFileSync(own, JSON.stringify({ ...identity, nonce }), { mode: 0o600, flag: "wx" });
  try {
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      if (tryLink(own, path)) return nonce;
      const holder = readLock(path);
      if (holder && !isProcessAlive(holder)) {
        breakLock(path, holder);
      } else if (performance.now() > deadline) {
        throw new EngineError(
          "SANDBOX_LOCKED",
          `Process ${holder?.pid ?? "?"} holds ${path} for more than ${WAIT_MS} ms`,
        );
      } else {
        await delay(POLL_INTERVAL_MS);
      }
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Of all who saw the same dead owner exactly one may remove its lock; otherwise the second would remove the lock that the
 * first has taken since. The claim stays behind, or a late comer could win it again.
 */
function breakLock(path: string, dead: LockContent): void {
  try {
    writeFileSync(`${path}.broken.${dead.nonce}`, "", { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return;
    throw error;
  }
  if (readLock(path)?.nonce === dead.nonce) rmSync(path, { force: true });
}

function tryLink(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readLock(path: string): LockContent | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as LockContent;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
