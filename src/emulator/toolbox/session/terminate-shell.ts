import { setTimeout as delay } from "node:timers/promises";
import type { EngineProcess } from "../../../engine/engine-types.ts";
import {
  isProcessAlive,
  type ProcessIdentity,
  readProcessStat,
  sendSignal,
  signalProcess,
} from "../../../engine/processes/process-identity.ts";
import { listProcesses } from "../../../engine/processes/process-scan.ts";

// Daytona v0.190 daemon, defaults of its configuration.
const graceMs = 5000;
const checkIntervalMs = 100;

/**
 * Ends a session's shell and what it started: SIGTERM to its group and its descendants, SIGKILL to what is left after a
 * grace. A shell without children counts as ended and is killed alone.
 */
export async function terminateShell(
  shell: EngineProcess,
  identity: ProcessIdentity | undefined,
): Promise<void> {
  signalAll(shell, identity, "SIGTERM");
  const deadline = performance.now() + graceMs;
  do {
    await delay(checkIntervalMs);
    if (descendantsOfShell(identity).length === 0) {
      killShell(identity);
      return;
    }
  } while (performance.now() < deadline);
  signalAll(shell, identity, "SIGKILL");
}

/** Kills the shell and nothing of what it started. */
export function killShell(identity: ProcessIdentity | undefined): void {
  if (identity !== undefined) signalProcess(identity, "SIGKILL");
}

function signalAll(
  shell: EngineProcess,
  identity: ProcessIdentity | undefined,
  signal: NodeJS.Signals,
): void {
  const descendants = descendantsOfShell(identity);
  shell.kill(signal);
  for (const pid of descendants) sendSignal(pid, signal);
}

/** Nothing once the shell has ended: its number may be another's by then. */
function descendantsOfShell(identity: ProcessIdentity | undefined): number[] {
  return identity !== undefined && isProcessAlive(identity) ? descendantsOf(identity.pid) : [];
}

/** Those below come before those above. */
export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [...descendantsOf(child), child]);
}

function childrenOf(pid: number): number[] {
  return listProcesses().filter((candidate) => readProcessStat(candidate)?.parentPid === pid);
}
