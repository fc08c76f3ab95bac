import {
  CommandTimeoutError,
  CompletionUnknownError,
  type CompletionUnknownReason,
  ContextNotFoundError,
  OutputLimitError,
  SandboxLostError,
} from "../../../contract/command-errors.ts";
import { TimeoutError } from "../../../contract/lifecycle-errors.ts";
import { ConnectionError, ProtocolError } from "../../../contract/provider-errors.ts";
import { SandboxError } from "../../../contract/sandbox-error.ts";
import { type SocketEnd, unexpectedEnd } from "./execution-socket.ts";

interface KnownOutput {
  stdoutText(): string;
  stderrText(): string;
}

/** The errors of one run of code, each with what is known of it. */
export class RunFailures {
  readonly #name: string;
  readonly #request: { readonly timeoutMs: number };
  readonly #output: KnownOutput;

  constructor(name: string, request: { readonly timeoutMs: number }, output: KnownOutput) {
    this.#name = name;
    this.#request = request;
    this.#output = output;
  }

  timedOut(wasKilled: boolean): CommandTimeoutError {
    const { timeoutMs } = this.#request;
    const lost = wasKilled ? " Its interpreter had to be killed, and its context is removed." : "";
    return new CommandTimeoutError(
      `The code ran longer than ${timeoutMs} ms and was interrupted.${lost}`,
      { timeoutMs, ...this.#texts() },
    );
  }

  notBegun(): TimeoutError {
    const { timeoutMs } = this.#request;
    return new TimeoutError(
      `The code could not begin within ${timeoutMs} ms: its context was busy. It did not run.`,
      { timeoutMs, retryable: true },
    );
  }

  overLimit(limitBytes: number): OutputLimitError {
    const message = `The code wrote more than ${limitBytes} bytes and was interrupted.`;
    return new OutputLimitError(message, { limitBytes });
  }

  /** Makes of a request's failure one that says what it means for code that may run. */
  translated(error: unknown, mayRun: boolean): unknown {
    if (!SandboxError.is(error) || !mayRun) return error;
    if (isLost(error)) {
      const message = "The sandbox went away while code ran in it.";
      return new SandboxLostError(message, { cause: error });
    }
    if (error.code === "FILE_NOT_FOUND") return this.unknown("record-missing", error);
    return refusals.has(error.code) ? this.unknown("unreachable", error) : error;
  }

  unknown(reason: CompletionUnknownReason, cause: unknown): CompletionUnknownError {
    return new CompletionUnknownError(unknownMessages[reason] ?? unknownMessages.unreachable, {
      reason,
      processId: this.#name,
      ...this.#texts(),
      cause,
    });
  }

  neverBegan(end: SocketEnd, serverError: string): SandboxError {
    if (serverError !== "")
      return new ProtocolError(`Daytona's interpreter could not run the code: ${serverError}`);
    return new ConnectionError("The connection was lost before the code began. It did not run.", {
      retryable: true,
      cause: unexpectedEnd(end),
    });
  }

  #texts(): { readonly stdout: string; readonly stderr: string } {
    return { stdout: this.#output.stdoutText(), stderr: this.#output.stderrText() };
  }
}

/** Codes of requests that the provider refuses, whatever the code does. */
const refusals: ReadonlySet<string> = new Set([
  "AUTHENTICATION_FAILED",
  "PERMISSION_DENIED",
  "SANDBOX_STATE",
]);

const unknownMessages = {
  "record-missing":
    "The code's interpreter is gone, ended by the code itself or for want of memory, and left no result. Its context is removed.",
  "timeout-unconfirmed": "The code ran too long, and its end could not be proven.",
  "kill-unconfirmed": "The code was to be ended, and its end could not be proven.",
  "sandbox-restarted": "The sandbox was restarted while the code ran; nobody knows how it ended.",
  unreachable: "The sandbox could not be reached to learn how the code ended, or whether it began.",
} as const satisfies Record<CompletionUnknownReason, string>;

/** Whether an error says that the sandbox is gone. */
export function isLost(error: unknown): boolean {
  if (!SandboxError.is(error)) return false;
  return error.code === "SANDBOX_NOT_FOUND" || error.code === "SANDBOX_LOST";
}

export function contextNotFound(contextId: string, reason?: string): ContextNotFoundError {
  return new ContextNotFoundError(
    `The sandbox has no interpreter context ${contextId}. The code did not run.`,
    { contextId, cause: reason === undefined ? undefined : new ProtocolError(reason) },
  );
}
