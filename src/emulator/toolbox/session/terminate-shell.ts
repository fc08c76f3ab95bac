import { setTimeout as delay } from "node:timers/promises";
import type { EngineProcess } from "../../../engine/engine-types.ts";
import { readProcessStat, sendSignal } from "../../../engine/processes/process-identity.ts";
import { listProcesses } from "../../../engine/processes/process-scan.ts";

// Daytona v0.190 daemon, defaults of its configuration.
const graceMs = 5000;
const checkIntervalMs = 100;

/**
 * Ends a session's shell and what it started: SIGTERM to its group and its descendants, SIGKILL to what is left after a
 * grace. A shell without children counts as ended and is killed alone.
 */
export async function terminateShell(shell: EngineProcess): Promise<void> {
  signalAll(shell, "SIGTERM");
  const deadline = performance.now() + graceMs;
  do {
    await delay(checkIntervalMs);
    if (childrenOf(shell.pid).length === 0) {
      killShell(shell);
      return;
    }
  } while (performance.now() < deadline);
  signalAll(shell, "SIGKILL");
}

/** Kills the shell and nothing of what it started. */
export function killShell(shell: EngineProcess): void {
  sendSignal(shell.pid, "SIGKILL");
}

function signalAll(shell: EngineProcess, signal: NodeJS.Signals): void {
  const descendants = descendantsOf(shell.pid);
  shell.kill(signal);
  for (const pid of descendants) sendSignal(pid, signal);
}

/** Those below come before those above. */
export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [...descendantsOf(child), child]);
}

function childrenOf(pid: number): number[] {
  return listProcesses().filter((candidate) => readProcessStat(candidate)?.parentPid === pid);
}
