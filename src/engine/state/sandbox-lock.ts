import { randomBytes } from "node:crypto";
import { readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../engine-error.ts";
import { identifyProcess, isProcessAlive, readBootId } from "../processes/process-identity.ts";

const POLL_INTERVAL_MS = 10;
const WAIT_MS = 60_000;

/** Who holds a lock. Two boots do not have the same first characters. */
interface LockContent {
  readonly pid: number;
  readonly startTicks: string;
  readonly boot: string;
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
  const identity = identifyProcess(process.pid);
  if (!identity) throw new EngineError("STATE_UNREADABLE", "/proc is not readable");
  const { pid, startTicks } = identity;
  const nonce = randomBytes(6).toString("hex");
  const content = formatLock({ pid, startTicks, boot: currentBoot(), nonce });
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    if (tryLock(content, path)) return nonce;
    const holder = readLock(path);
    if (holder && !isHolderAlive(holder)) {
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

/**
 * A lock is a link to nowhere that says who holds it: it is complete as soon as it is there, and up to 60 bytes of it need no space, so
 * that a sandbox can be deleted on a full disk.
 */
function tryLock(content: string, path: string): boolean {
  try {
    symlinkSync(content, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

export function formatLock({ pid, startTicks, boot, nonce }: LockContent): string {
  return [pid, startTicks, boot, nonce].join(" ");
}

function readLock(path: string): LockContent | undefined {
  try {
    const [pid, startTicks = "", boot = "", nonce = ""] = readlinkSync(path).split(" ");
    return { pid: Number(pid), startTicks, boot, nonce };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function isHolderAlive({ pid, startTicks, boot }: LockContent): boolean {
  return boot === currentBoot() && isProcessAlive({ pid, startTicks, bootId: readBootId() });
}

export function currentBoot(): string {
  return readBootId().slice(0, 13);
}
