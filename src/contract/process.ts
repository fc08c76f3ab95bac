import type { CallOptions } from "./call-options.ts";
import type { GitCredentials } from "./config.ts";

/** A signal that a process can be sent, as POSIX names it. */
export type ProcessSignal =
  | "SIGTERM"
  | "SIGKILL"
  | "SIGINT"
  | "SIGHUP"
  | "SIGQUIT"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGSTOP"
  | "SIGCONT";

/** Where the output of a process is read from, and who reads it. */
export interface ProcessOutputOptions {
  /**
   * Called with each piece of standard output, in order. What it throws ends the reading and rejects `wait`; the process goes
   * on. With it `stdout` is being read already, and locked.
   */
  readonly onStdout?: ((chunk: Uint8Array) => void) | undefined;
  /** The same for standard error. */
  readonly onStderr?: ((chunk: Uint8Array) => void) | undefined;
}

export interface SpawnOptions extends CallOptions, ProcessOutputOptions {
  /** Milliseconds until the process must have started. How long it runs is not limited. Default: 60 000. */
  readonly timeoutMs?: number | undefined;
  /**
   * ID of the process: 1 to 64 letters and digits. Of several calls with the same ID, from whatever host, one starts the process
   * and all get it. Default: a random one.
   */
  readonly id?: string | undefined;
  /** Directory to run in: absolute, or relative to the backend's `workDir`, which is the default. */
  readonly cwd?: string | undefined;
  /** Added to the environment of the sandbox. Names match `[A-Za-z_][A-Za-z0-9_]*`; values hold any character but NUL. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** User of the sandbox to run as, by name or number. Needs root or `sudo` without a password in the sandbox. Default: the provider's. */
  readonly user?: string | undefined;
  /** `open` lets `write` feed the process until `closeInput`; `empty` shows it the end at once. Default: `empty`. */
  readonly stdin?: "open" | "empty" | undefined;
  /**
   * Bytes of output in the sandbox above which the process is killed and `wait` rejects with {@link OutputLimitError}. Watched
   * while somebody waits or reads. Default: 1 GiB.
   */
  readonly maxLogBytes?: number | undefined;
  /** Answers the password questions of `git` for the life of this process. */
  readonly gitCredentials?: GitCredentials | undefined;
}

export interface AttachOptions extends CallOptions, ProcessOutputOptions {
  /** Milliseconds until the sandbox must have answered. Default: 60 000. */
  readonly timeoutMs?: number | undefined;
  /** Byte of standard output that `stdout` begins with. Default: 0, all that there is. */
  readonly stdoutOffset?: number | undefined;
  /** Byte of standard error that `stderr` begins with. Default: 0. */
  readonly stderrOffset?: number | undefined;
}

/** How a process ended. */
export interface ProcessExit {
  /** The exit code as the shell counts: 128 + n when signal n ended the process. Never invented. */
  readonly exitCode: number;
  /** The signal that ended the process; undefined unless that is proven. */
  readonly signal: string | undefined;
  /** Whether processes that it had started in the background were still running at its end. They go on. */
  readonly leftBackgroundProcesses: boolean;
}

export interface WaitOptions extends CallOptions {
  /** Milliseconds after which the wait rejects with {@link TimeoutError}; the process goes on. Default: 86 400 000, a day. */
  readonly timeoutMs?: number | undefined;
}

export interface ReadOutputOptions extends CallOptions {
  /** Default: `stdout`. */
  readonly stream?: "stdout" | "stderr" | undefined;
  /** The most bytes to return. Default: 1 MiB. */
  readonly maxBytes?: number | undefined;
}

/** A part of what a process has written so far. */
export interface ProcessOutput {
  readonly bytes: Uint8Array;
  /** The offset that the next part begins with. */
  readonly nextOffset: number;
  /** Bytes of the stream that there were in the sandbox at that moment. */
  readonly sizeBytes: number;
}

/**
 * A process in the sandbox. It depends neither on a connection nor on this host: any client of the sandbox attaches to it by its
 * ID, also after its end. Its output stays in the sandbox until a day after its end.
 */
export interface SandboxProcess {
  readonly id: string;
  /**
   * Standard output from its offset on, with back-pressure: nothing is fetched before it is asked for. Ends with the process, and
   * when this object is detached; fails with {@link CompletionUnknownError} where nobody can know whether that is all.
   */
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  /** Offset of the byte that `stdout` hands out next, for whoever goes on in its place. */
  readonly stdoutOffset: number;
  readonly stderrOffset: number;

  /**
   * Writes to standard input; text as UTF-8. Resolves when the sandbox has it: from then on it reaches the process once and in
   * order, whatever becomes of this host. Waits while the process reads slowly. Default `timeoutMs`: 60 000.
   *
   * @throws {@link SandboxStateError} when the process has ended, its input was closed, or was not opened.
   */
  write(data: string | Uint8Array, options?: CallOptions): Promise<void>;
  /** Ends standard input after what was written. Idempotent. */
  closeInput(options?: CallOptions): Promise<void>;
  /**
   * With a signal: sends it to the process and all its children, and resolves when it was sent; false when nothing was left to
   * send it to. Without one: SIGTERM, two seconds later SIGKILL, and resolves when the end is proven. Default `timeoutMs`: 60 000.
   *
   * @throws {@link CompletionUnknownError} when the end cannot be proven.
   */
  kill(signal?: ProcessSignal, options?: CallOptions): Promise<boolean>;
  /**
   * Waits for the end. An exit code that is not 0 is no error here.
   *
   * @throws {@link CompletionUnknownError} when nobody can know how it ended, {@link OutputLimitError}, {@link SandboxLostError}.
   */
  wait(options?: WaitOptions): Promise<ProcessExit>;
  /** What there is of the output from an offset on, without waiting for more. Default `timeoutMs`: 60 000. */
  output(offset?: number, options?: ReadOutputOptions): Promise<ProcessOutput>;
  /** Lets go of the process, which goes on: streams end, waits reject with {@link AbortError}, nothing is asked any more. */
  detach(): void;
}

/** A process in the list of a sandbox. */
export interface ProcessInfo {
  readonly id: string;
  /** `unknown`: it was started, its processes are gone, and it left no exit code. */
  readonly state: "running" | "exited" | "unknown";
  /** Defined when `state` is `exited`. */
  readonly exitCode: number | undefined;
  /** Which method started it. */
  readonly startedBy: "exec" | "spawn" | "attachPty";
  /** Undefined where the sandbox does not tell. To a hundredth of a second, by the sandbox's clock. */
  readonly startedAt: Date | undefined;
  /** First line of the command, as the sandbox's shell reads it. */
  readonly commandLine: string;
}
