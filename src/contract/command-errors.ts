import type { ExecResult } from "./command.ts";
import { SandboxError, type SandboxErrorOptions } from "./sandbox-error.ts";

/** The sandbox went away while a command ran in it. */
export class SandboxLostError extends SandboxError {
  override readonly name = "SandboxLostError";
  readonly code = "SANDBOX_LOST";
}

/** Why nobody can know how a command ended. */
export type CompletionUnknownReason =
  /** The sandbox was stopped and started under it. */
  | "sandbox-restarted"
  /** Its processes are gone and left no exit record. */
  | "record-missing"
  /** The timeout passed and its end could not be proven. */
  | "timeout-unconfirmed"
  /** A kill was asked for, and the end could not be proven. */
  | "kill-unconfirmed"
  /** The call was given up before an answer came. */
  | "unreachable";

/** A command was started and nobody can know how it ended. Carries what is known; never an exit code. */
export class CompletionUnknownError extends SandboxError {
  override readonly name = "CompletionUnknownError";
  readonly code = "COMPLETION_UNKNOWN";
  readonly reason: CompletionUnknownReason;
  /** ID of the command in the sandbox. */
  readonly processId: string;
  /** Standard output so far, as far as it is known. */
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    message: string,
    options: SandboxErrorOptions & {
      readonly reason: CompletionUnknownReason;
      readonly processId: string;
      readonly stdout?: string;
      readonly stderr?: string;
    },
  ) {
    super(message, options);
    this.reason = options.reason;
    this.processId = options.processId;
    this.stdout = options.stdout ?? "";
    this.stderr = options.stderr ?? "";
  }
}

/** A command ended with an exit code that is not 0. `{ check: false }` returns the result instead. */
export class CommandFailedError extends SandboxError {
  override readonly name = "CommandFailedError";
  readonly code = "COMMAND_FAILED";
  readonly result: ExecResult;

  constructor(message: string, options: SandboxErrorOptions & { readonly result: ExecResult }) {
    super(message, options);
    this.result = options.result;
  }

  get exitCode(): number {
    return this.result.exitCode;
  }
}

/** A command ran longer than `timeoutMs` and was killed; the end of its processes is proven. */
export class CommandTimeoutError extends SandboxError {
  override readonly name = "CommandTimeoutError";
  readonly code = "COMMAND_TIMEOUT";
  readonly timeoutMs: number;
  /** Always true: without proof the error is a {@link CompletionUnknownError}. */
  readonly terminated = true;
  /** Standard output so far. */
  readonly stdout: string;
  readonly stderr: string;

  constructor(
    message: string,
    options: SandboxErrorOptions & {
      readonly timeoutMs: number;
      readonly stdout: string;
      readonly stderr: string;
    },
  ) {
    super(message, options);
    this.timeoutMs = options.timeoutMs;
    this.stdout = options.stdout;
    this.stderr = options.stderr;
  }
}

/** A command wrote more than `maxLogBytes` and was killed, or a file is larger than `maxBytes`. */
export class OutputLimitError extends SandboxError {
  override readonly name = "OutputLimitError";
  readonly code = "OUTPUT_LIMIT";
  readonly limitBytes: number;

  constructor(message: string, options: SandboxErrorOptions & { readonly limitBytes: number }) {
    super(message, options);
    this.limitBytes = options.limitBytes;
  }
}

/** The directory that a command was to run in does not exist or is not a directory. The command did not run. */
export class WorkingDirectoryNotFoundError extends SandboxError {
  override readonly name = "WorkingDirectoryNotFoundError";
  readonly code = "WORKING_DIRECTORY_NOT_FOUND";
  readonly cwd: string;

  constructor(message: string, options: SandboxErrorOptions & { readonly cwd: string }) {
    super(message, options);
    this.cwd = options.cwd;
  }
}

/** The sandbox has no process with that ID: none was started, or its record was removed, which happens a day after its end. */
export class ProcessNotFoundError extends SandboxError {
  override readonly name = "ProcessNotFoundError";
  readonly code = "PROCESS_NOT_FOUND";
  readonly processId: string;

  constructor(message: string, options: SandboxErrorOptions & { readonly processId: string }) {
    super(message, options);
    this.processId = options.processId;
  }
}

/** The sandbox has no such context of the code interpreter: it was deleted, or it ended with the sandbox's run or with its interpreter. */
export class ContextNotFoundError extends SandboxError {
  override readonly name = "ContextNotFoundError";
  readonly code = "CONTEXT_NOT_FOUND";
  readonly contextId: string;

  constructor(message: string, options: SandboxErrorOptions & { readonly contextId: string }) {
    super(message, options);
    this.contextId = options.contextId;
  }
}
