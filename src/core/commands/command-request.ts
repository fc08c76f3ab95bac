import type { Command } from "../../contract/command.ts";

/** A command with everything that was checked and resolved before: absolute paths, bytes, no defaults left. */
export interface CommandRequest {
  readonly command: Command;
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Like `env`, for this command's life alone: never in an argv and never in the command's record. */
  readonly secretEnv?: Readonly<Record<string, string>> | undefined;
  /** Without it the command reads the end of its input at once. */
  readonly stdin?: Uint8Array | undefined;
  /** Whether standard input comes in pieces while the command runs; `stdin` is not used then. Default: false. */
  readonly feeds?: boolean | undefined;
  /** What is written to standard input while the command runs; needs `feeds`. */
  readonly stdinStream?: AsyncIterable<Uint8Array> | undefined;
  /** Name or number of a user of the sandbox. Default: the one that the provider runs scripts as. */
  readonly user?: string | undefined;
  /** What lists of processes call it. Default: `exec`. */
  readonly kind?: "exec" | "spawn" | "pty" | undefined;
  /** Seconds that the start waits in the sandbox for the end before it answers. Default: by what the command is. */
  readonly firstAnswerSeconds?: number | undefined;
  /** Milliseconds from the call until the command's processes are killed. */
  readonly timeoutMs: number;
  /** Bytes of each stream kept in the host's memory: head and tail. */
  readonly maxOutputBytes: number;
  /** Bytes of both streams together in the sandbox, above which the command is killed. */
  readonly maxLogBytes: number;
  readonly onStdout?: ((chunk: Uint8Array) => void) | undefined;
  readonly onStderr?: ((chunk: Uint8Array) => void) | undefined;
  /**
   * 1 to 64 of `A-Z a-z 0-9`; random when left out. A given one makes the start idempotent, also across hosts: of several calls
   * one starts the command and all get its end.
   */
  readonly processId?: string | undefined;
  /** Whether the record stays for good, as the mark that the command ran. Default: false. */
  readonly keep?: boolean | undefined;
}

/** Bytes of output in the sandbox that a command may write unless told otherwise. */
export const defaultMaxLogBytes = 1024 * 1024 * 1024;

/** How a command ended. */
export interface CommandOutcome {
  /** As the shell counts: 128 + n when signal n ended the command. */
  readonly exitCode: number;
  /** Undefined unless proven, which it is when this library killed the command. */
  readonly signal: string | undefined;
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
  /** Whether bytes in the middle of a stream are missing, because of `maxOutputBytes`. */
  readonly truncated: boolean;
  readonly durationMs: number;
  /** Whether processes that it had started in the background were still running at its end. */
  readonly leftBackgroundProcesses: boolean;
  /** Whether another call with the same `processId` had started the command. */
  readonly alreadyStarted: boolean;
}

/** What a record in the sandbox says about a command. */
export type CommandState =
  | { readonly state: "none" }
  | { readonly state: "running" }
  | { readonly state: "exited"; readonly exitCode: number }
  /** It was started, its processes are gone, and it left no exit code. */
  | { readonly state: "unknown" };
