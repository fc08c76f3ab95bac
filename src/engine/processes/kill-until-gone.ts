import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../engine-error.ts";
import { readProcessStat, sendSignal } from "./process-identity.ts";

const FIRST_POLL_MS = 1;
const LONGEST_POLL_MS = 16;
const WAIT_MS = 10_000;

/**
 * Kills what `find` finds until it finds nothing: a process may fork while we look.
 *
 * @param known - To kill first, before anybody looks: to look at all processes of the machine is not cheap.
 * @throws EngineError `PROCESSES_REMAIN` when some outlive ten seconds of it, such as those that wait for a broken disk.
 */
export async function killUntilGone(
  find: () => readonly number[],
  known: readonly number[] = [],
): Promise<void> {
  // Time for which we really waited: this process may have stood still, as in a machine that is put to sleep.
  let waitedMs = 0;
  for (let isFirst = true; ; isFirst = false) {
    const pids = isFirst && known.length > 0 ? known : find();
    if (pids.length === 0) return;
    if (waitedMs >= WAIT_MS) {
      throw new EngineError(
        "PROCESSES_REMAIN",
        `Still there ${WAIT_MS} ms after SIGKILL: ${pids.join(", ")}`,
      );
    }
    for (const pid of pids) sendSignal(pid, "SIGKILL");
    // To look at these alone is cheap.
    let pollMs = FIRST_POLL_MS;
    do {
      await delay(pollMs);
      waitedMs += pollMs;
      pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS);
    } while (pids.some(isThere) && waitedMs < WAIT_MS);
  }
}

function isThere(pid: number): boolean {
  const state = readProcessStat(pid)?.state;
  return state !== undefined && state !== "Z" && state !== "X";
}
