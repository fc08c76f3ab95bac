import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../engine-error.ts";
import { readProcessStat, sendSignal } from "../processes/process-identity.ts";

const POLL_MS = 2;
const WAIT_MS = 10_000;
/** A parent that waits for its child of vfork(2) sleeps like this until the child goes on. */
const UNINTERRUPTIBLE_MS = 1_000;

const STOP_BIT = 1n << BigInt(constants.signals.SIGSTOP - 1);

/** Continues, in reverse order, what it was told of, when its input ends: also when this process dies. */
const THAW = `while read -r pid; do set -- "$pid" "$@"; done
for pid do kill -CONT "$pid" 2>/dev/null; done`;

/**
 * Runs an action while the processes that `find` finds are stopped, so that no file changes under it.
 *
 * Parents are stopped first and continued last: a shell never sees that a child of it was stopped. What was stopped before
 * stays so. Should this process die, its helper lets them go on.
 *
 * @throws EngineError `SNAPSHOT_FAILED` when processes do not stop within ten seconds; they go on.
 */
export async function whileFrozen<T>(
  find: () => readonly number[],
  action: () => Promise<T>,
): Promise<T> {
  if (find().length === 0) return action();
  const helper = spawn("/bin/sh", ["-c", THAW], {
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["pipe", "ignore", "ignore"],
    // A signal for our process group, such as Ctrl-C, must not end it.
    detached: true,
  });
  const ended = once(helper, "exit");
  // Whoever waits for it learns of a failure below.
  ended.catch(() => undefined);
  const announce = (pid: number): Promise<void> =>
    new Promise((resolve, reject) => {
      helper.stdin.write(`${pid}\n`, (error) => (error ? reject(error) : resolve()));
    });
  try {
    await freeze(find, announce);
    return await action();
  } finally {
    helper.stdin.end();
    await ended;
  }
}

async function freeze(
  find: () => readonly number[],
  announce: (pid: number) => Promise<void>,
): Promise<void> {
  const began = performance.now();
  const seen = new Set<number>();
  for (;;) {
    const strangers = find().filter((pid) => !seen.has(pid));
    for (const pid of parentsFirst(strangers)) {
      seen.add(pid);
      if (isStopped(pid) || isAboutToStop(pid)) continue;
      await announce(pid);
      sendSignal(pid, "SIGSTOP");
    }
    const elapsedMs = performance.now() - began;
    const moving = [...seen].filter((pid) => !isQuiet(pid, elapsedMs));
    if (strangers.length === 0 && moving.length === 0) return;
    if (elapsedMs > WAIT_MS) {
      throw new EngineError(
        "SNAPSHOT_FAILED",
        `Processes of the sandbox do not stop: ${moving.slice(0, 10).join(", ")}`,
      );
    }
    await delay(POLL_MS);
  }
}

function parentsFirst(pids: readonly number[]): number[] {
  const age = (pid: number): number => Number(readProcessStat(pid)?.startTicks ?? 0);
  const ages = new Map(pids.map((pid) => [pid, age(pid)]));
  return [...pids].sort((a, b) => (ages.get(a) ?? 0) - (ages.get(b) ?? 0) || a - b);
}

function isStopped(pid: number): boolean {
  const state = readProcessStat(pid)?.state;
  return state === "T" || state === "t";
}

/** Somebody has sent it the signal, and it has not had a turn on a processor since. */
function isAboutToStop(pid: number): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const pending = /^ShdPnd:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
    return (BigInt(`0x${pending}`) & STOP_BIT) !== 0n;
  } catch {
    // It is gone.
    return false;
  }
}

function isQuiet(pid: number, elapsedMs: number): boolean {
  const state = readProcessStat(pid)?.state;
  if (state === undefined || "TtZX".includes(state)) return true;
  return state === "D" && elapsedMs > UNINTERRUPTIBLE_MS;
}
