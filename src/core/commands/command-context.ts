import type { Acknowledgements } from "./acknowledgements.ts";
import type { CommandFollower } from "./command-follower.ts";
import type { CommandTiming } from "./command-timing.ts";
import type { RecordQuestions } from "./sandbox-records.ts";
import type { SandboxRequests } from "./sandbox-requests.ts";

/** What the commands of one client in one sandbox share. */
export interface CommandContext {
  readonly sandboxId: string;
  readonly timing: CommandTiming;
  /** Path of a POSIX shell in the sandbox. */
  readonly shellPath: string;
  readonly questions: RecordQuestions;
  readonly requests: SandboxRequests;
  /** The same with the shorter times of a kill. */
  readonly killRequests: SandboxRequests;
  readonly follower: CommandFollower;
  readonly acknowledgements: Acknowledgements;
  /** True once: the first script of a client also removes old leftovers. */
  takeSweep(): boolean;
}

/** A record's name: a process may need several when a start was lost and had to be given up for good. */
export function recordName(processId: string, generation: number): string {
  return `${processId}_${generation}`;
}

/** One digit, so that no record's name begins with the name of another. */
export const mostGenerations = 10;
