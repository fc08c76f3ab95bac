import {
  CommandTimeoutError,
  CompletionUnknownError,
  type CompletionUnknownReason,
  OutputLimitError,
  SandboxLostError,
} from "../../contract/command-errors.ts";
import { ConnectionError } from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import type { CommandRequest } from "./command-request.ts";

type CommandLimits = Pick<CommandRequest, "timeoutMs" | "maxLogBytes">;

interface KnownOutput {
  stdoutText(): string;
  stderrText(): string;
}

/** The errors of one command, each with what is known of it. */
export class CommandFailures {
  readonly #sandboxId: string;
  readonly #processId: string;
  readonly #limits: CommandLimits;
  readonly #output: KnownOutput | undefined;

  constructor(options: {
    readonly sandboxId: string;
    readonly processId: string;
    readonly limits: CommandLimits;
    /** What there is of its output in this process; undefined where the caller reads it as a stream. */
    readonly output: KnownOutput | undefined;
  }) {
    this.#sandboxId = options.sandboxId;
    this.#processId = options.processId;
    this.#limits = options.limits;
    this.#output = options.output;
  }

  unknown(reason: CompletionUnknownReason, cause?: unknown): CompletionUnknownError {
    return new CompletionUnknownError(unknownMessages[reason], {
      ...this.#common(),
      reason,
      processId: this.#processId,
      stdout: this.#output?.stdoutText() ?? "",
      stderr: this.#output?.stderrText() ?? "",
      cause,
    });
  }

  timedOut(): CommandTimeoutError {
    const { timeoutMs } = this.#limits;
    return new CommandTimeoutError(`The command ran longer than ${timeoutMs} ms and was killed.`, {
      ...this.#common(),
      timeoutMs,
      stdout: this.#output?.stdoutText() ?? "",
      stderr: this.#output?.stderrText() ?? "",
    });
  }

  overLimit(): OutputLimitError {
    const limitBytes = this.#limits.maxLogBytes;
    return new OutputLimitError(`The command wrote more than ${limitBytes} bytes and was killed.`, {
      ...this.#common(),
      limitBytes,
    });
  }

  notBegun(cause: unknown): ConnectionError {
    return new ConnectionError(
      `The command could not be started within ${this.#limits.timeoutMs} ms. It did not run.`,
      { ...this.#common(), retryable: true, cause },
    );
  }

  neverBegan(): ConnectionError {
    return new ConnectionError("The command was kept from starting. It did not run.", {
      ...this.#common(),
      retryable: true,
    });
  }

  /** Makes of a request's failure one that says what it means for a command that may run. */
  translate(error: unknown, mayRun: boolean): unknown {
    if (!SandboxError.is(error) || !mayRun) return error;
    if (error.code === "SANDBOX_NOT_FOUND") {
      return new SandboxLostError("The sandbox went away while a command ran in it.", {
        ...this.#common(),
        cause: error,
      });
    }
    if (error.code === "FILE_NOT_FOUND") return this.unknown("record-missing", error);
    return refusals.has(error.code) ? this.unknown("unreachable", error) : error;
  }

  #common(): { readonly operation: string; readonly sandboxId: string } {
    return { operation: "exec", sandboxId: this.#sandboxId };
  }
}

const unknownMessages: Readonly<Record<CompletionUnknownReason, string>> = {
  "sandbox-restarted":
    "The sandbox was restarted while the command ran; nobody knows how it ended.",
  "record-missing": "The command's processes are gone and left no exit code.",
  "timeout-unconfirmed": "The command ran too long, and its end could not be proven.",
  "kill-unconfirmed": "The command was killed, and its end could not be proven.",
  unreachable:
    "The sandbox could not be reached to learn how the command ended, or whether it began.",
};

/** Codes of requests that the provider refuses, whatever the command does. */
const refusals: ReadonlySet<string> = new Set([
  "AUTHENTICATION_FAILED",
  "PERMISSION_DENIED",
  "SANDBOX_STATE",
  "CONFIG_INVALID",
]);
