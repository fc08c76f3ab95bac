import type { CallOptions } from "./call-options.ts";
import type { GitCredentials } from "./config.ts";

/** A string is a script for `sh`; an array is an argv, whose items are never parsed by a shell. */
export type Command = string | readonly string[];

export interface ExecOptions extends CallOptions {
  /**
   * Milliseconds until the command's processes get SIGTERM, then SIGKILL, and the call rejects with
   * {@link CommandTimeoutError} and the output so far. Default: 120 000.
   */
  readonly timeoutMs?: number | undefined;
  /** Directory to run in: absolute, or relative to the backend's `workDir`, which is the default. */
  readonly cwd?: string | undefined;
  /** Added to the environment of the sandbox. Names match `[A-Za-z_][A-Za-z0-9_]*`; values hold any character but NUL. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** User of the sandbox to run as, by name or number. Needs root or `sudo` without a password in the sandbox. Default: the provider's. */
  readonly user?: string | undefined;
  /**
   * What the command reads from standard input; text as UTF-8. A stream is read while the command runs, and what it throws rejects
   * the call and kills the command. Default: nothing, it sees the end at once.
   */
  readonly stdin?:
    | string
    | Uint8Array
    | ReadableStream<Uint8Array>
    | AsyncIterable<Uint8Array>
    | undefined;
  /** Called with each piece of standard output, in order, before the call resolves. What it throws rejects the call and kills the command. */
  readonly onStdout?: ((chunk: Uint8Array) => void) | undefined;
  /** Called with each piece of standard error, in order, before the call resolves. What it throws rejects the call and kills the command. */
  readonly onStderr?: ((chunk: Uint8Array) => void) | undefined;
  /**
   * Bytes of each stream that are kept in the host's memory; above it the head and the tail are kept and `truncated` is
   * true. Default: 64 MiB.
   */
  readonly maxOutputBytes?: number | undefined;
  /** Bytes of output in the sandbox above which the command is killed with {@link OutputLimitError}. Default: 1 GiB. */
  readonly maxLogBytes?: number | undefined;
  /** `false` resolves also when the exit code is not 0. Default: true, which rejects with {@link CommandFailedError}. */
  readonly check?: boolean | undefined;
  /** Answers the password questions of `git` for the life of this command. Leaves no trace in the sandbox. */
  readonly gitCredentials?: GitCredentials | undefined;
}

/** How a command ended. */
export interface ExecResult {
  /** The exit code as the shell counts: 128 + n when signal n ended the command. Never invented. */
  readonly exitCode: number;
  /** The signal that ended the command, such as `SIGKILL`; undefined unless that is proven. */
  readonly signal: string | undefined;
  /** Standard output, decoded as UTF-8 (invalid bytes become U+FFFD; `stdoutBytes` has them as they were). */
  readonly stdout: string;
  /** Standard error, decoded as UTF-8. */
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderrBytes: Uint8Array;
  /** True when more than `maxOutputBytes` came on a stream, so that its middle is missing here. */
  readonly truncated: boolean;
  /** Milliseconds from the call to its end, as the host measured them. */
  readonly durationMs: number;
  /**
   * Whether processes that the command had started in the background were still running when it ended. They go on, and what they
   * write from then on is not part of this result.
   */
  readonly leftBackgroundProcesses: boolean;
}
