import type { EngineProcessExit } from "../../../engine/engine-types.ts";

/** How a PTY ended, as clients are told. */
export interface PtyExit {
  readonly exitCode: number;
  readonly exitReason?: string;
}

/** What a client is told that has asked for the end. */
export const killed: PtyExit = { exitCode: 137, exitReason: "SIGKILL" };

/** A shell that a signal ended has -1, as Go has it; the other reasons are for shells that end with such a code themselves. */
export function ptyExit({ exitCode }: EngineProcessExit): PtyExit {
  const code = exitCode ?? -1;
  const reason = reasonOf(code);
  return { exitCode: code, ...(reason === undefined ? {} : { exitReason: reason }) };
}

/** Clients that take no messages learn it from how the WebSocket is closed. */
export function closeOf(exit: PtyExit): { readonly code: number; readonly reason: string } {
  return { code: exit.exitCode === 0 ? 1000 : 1011, reason: JSON.stringify(exit) };
}

function reasonOf(exitCode: number): string | undefined {
  if (exitCode === 0) return undefined;
  if (exitCode === 130) return "Ctrl+C";
  if (exitCode === 137) return "SIGKILL";
  if (exitCode === 143) return "SIGTERM";
  return exitCode > 128 ? `signal ${exitCode - 128}` : "non-zero exit";
}
