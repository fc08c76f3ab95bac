import {
  CommandTimeoutError,
  CompletionUnknownError,
  type CompletionUnknownReason,
  OutputLimitError,
  SandboxLostError,
} from "../../contract/command-errors.ts";
import { ConnectionError } from "../../contract/provider-errors.ts";
import { SandboxError } from "../../contract/sandbox-error.ts";
import { Deadline } from "../deadline.ts";
import type { CommandContext } from "./command-context.ts";
import type { FollowedReport } from "./command-follower.ts";
import type { CommandOutcome, CommandRequest } from "./command-request.ts";
import { type BegunCommand, CommandStart } from "./command-start.ts";
import { CallbackFailure, OutputCollector } from "./output-collector.ts";
import type { RecordReport } from "./record-report.ts";
import type { SettledRecord } from "./sandbox-records.ts";

/** One command from its start to a proven end, or to an error that says what is known. */
export class CommandExecution {
  readonly #context: CommandContext;
  readonly #request: CommandRequest;
  readonly #processId: string;
  readonly #start: CommandStart;
  readonly #collector: OutputCollector;
  readonly #startedAtMs = performance.now();
  #begun: BegunCommand | undefined;

  constructor(context: CommandContext, request: CommandRequest, processId: string) {
    this.#context = context;
    this.#request = request;
    this.#processId = processId;
    this.#start = new CommandStart(context, request, processId);
    this.#collector = new OutputCollector(context.requests, request);
  }

  async run(callerSignal: AbortSignal): Promise<CommandOutcome> {
    callerSignal.throwIfAborted();
    using deadline = Deadline.start("exec", this.#request.timeoutMs, callerSignal);
    try {
      return await this.#runToEnd(deadline.signal);
    } catch (error) {
      if (error instanceof CallbackFailure) {
        await this.#killQuietly();
        throw error.thrown;
      }
      if (callerSignal.aborted) {
        await this.#killQuietly();
        throw callerSignal.reason;
      }
      if (deadline.ended) return await this.#afterTimeout();
      throw this.#translate(error);
    }
  }

  async #runToEnd(signal: AbortSignal): Promise<CommandOutcome> {
    for (;;) {
      this.#begun = undefined;
      this.#begun = await this.#start.begin(signal);
      const followed = this.#begun.ended ?? (await this.#follow(this.#begun.record, signal));
      if (followed !== "never-ran") return this.#finish(followed, signal);
      await this.#start.nextGeneration(signal);
    }
  }

  async #follow(record: string, signal: AbortSignal): Promise<FollowedReport | "never-ran"> {
    const { follower, requests, questions, timing } = this.#context;
    const followedSinceMs = performance.now();
    for (;;) {
      const followed = await follower.next(
        {
          record,
          stdoutOffset: this.#collector.stdoutOffset,
          stderrOffset: this.#collector.stderrOffset,
          streams: this.#collector.streams,
          maxLogBytes: this.#request.maxLogBytes,
        },
        signal,
      );
      const { state } = followed.report;
      if (state === "burned") return "never-ran";
      if (state === "exited") return followed;
      if (state === "none" || state === "gone") throw this.#unknown("record-missing");
      if (state === "restarted") throw this.#unknown("sandbox-restarted");
      if (state === "running") await this.#absorbRunning(followed, signal);
      const waitedMs = performance.now() - followedSinceMs;
      if (state === "starting" && waitedMs > timing.startingTimeoutMs) {
        // Either it begins in this moment, or it never does.
        await requests.askUntilAnswered(questions.resolve(record, true), signal);
      }
    }
  }

  async #absorbRunning({ report, folder }: FollowedReport, signal: AbortSignal): Promise<void> {
    if (report.stdout.sizeBytes + report.stderr.sizeBytes > this.#request.maxLogBytes) {
      await this.#killQuietly();
      throw new OutputLimitError(
        `The command wrote more than ${this.#request.maxLogBytes} bytes and was killed.`,
        {
          operation: "exec",
          sandboxId: this.#context.sandboxId,
          limitBytes: this.#request.maxLogBytes,
        },
      );
    }
    if (this.#collector.streams) {
      await this.#collector.absorb(report, `${folder}/${this.#start.record}`, signal);
    }
  }

  async #finish({ report, folder }: FollowedReport, signal: AbortSignal): Promise<CommandOutcome> {
    await this.#collector.absorb(report, `${folder}/${this.#start.record}`, signal);
    this.#acknowledge();
    return {
      // Only called for an end that has an exit record.
      exitCode: report.exitCode as number,
      signal: report.killed ? killSignals.get(report.exitCode as number) : undefined,
      stdoutBytes: this.#collector.stdoutBytes(),
      stderrBytes: this.#collector.stderrBytes(),
      truncated: this.#collector.truncated,
      durationMs: performance.now() - this.#startedAtMs,
      alreadyStarted: this.#begun?.alreadyStarted ?? false,
    };
  }

  /** Kills, and makes of what is found the outcome or the error. */
  async #afterTimeout(): Promise<CommandOutcome> {
    const { timing } = this.#context;
    if (!this.#start.sent) throw this.#notBegun();
    using bound = Deadline.start("exec", timing.killTimeoutMs);
    let settled: SettledRecord;
    try {
      settled = await this.#kill(bound.signal);
    } catch (error) {
      if (SandboxError.is(error) && lostCodes.has(error.code)) throw this.#translate(error);
      throw this.#unknown(
        this.#begun === undefined ? "unreachable" : "timeout-unconfirmed",
        this.#start.lastError ?? error,
      );
    }
    const { report } = settled;
    if (report.state === "burned") throw this.#notBegun();
    if (report.state === "restarted") throw this.#unknown("sandbox-restarted");
    if (report.state === "none") throw this.#unknown("record-missing");
    // It had ended by itself before the kill.
    if (report.state === "exited" && !report.killed)
      return await this.#finish(settled, bound.signal);
    await this.#collectWhatThereIs(settled, bound.signal);
    const ended = report.state === "exited" || report.state === "gone";
    if (!ended || settled.left > 0) throw this.#unknown("timeout-unconfirmed");
    this.#acknowledge();
    throw new CommandTimeoutError(
      `The command ran longer than ${this.#request.timeoutMs} ms and was killed.`,
      {
        operation: "exec",
        sandboxId: this.#context.sandboxId,
        timeoutMs: this.#request.timeoutMs,
        stdout: this.#collector.stdoutText(),
        stderr: this.#collector.stderrText(),
      },
    );
  }

  async #collectWhatThereIs(
    { report, folder }: { readonly report: RecordReport; readonly folder: string },
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#collector.absorb(report, `${folder}/${this.#start.record}`, signal);
    } catch (error) {
      if (error instanceof CallbackFailure) throw error.thrown;
      // The error that follows matters more than output that cannot be had; it carries what came before.
    }
  }

  #kill(signal: AbortSignal): Promise<SettledRecord> {
    const { killRequests, questions, timing } = this.#context;
    return killRequests.askUntilAnswered(
      questions.kill(this.#start.record, timing.killGraceSeconds),
      signal,
    );
  }

  /** Ends what this call started, within a bound of its own: the caller's signal is aborted already. */
  async #killQuietly(): Promise<void> {
    if (!this.#start.sent || this.#begun?.alreadyStarted === true) return;
    if (this.#begun?.ended !== undefined) return;
    using bound = Deadline.start("exec", this.#context.timing.abortTimeoutMs);
    try {
      const { report, left } = await this.#kill(bound.signal);
      if (report.state === "exited" && left === 0) this.#acknowledge();
    } catch {
      // The caller gets the reason for the kill. A sandbox that cannot be reached keeps its command, as documented.
    }
  }

  #acknowledge(): void {
    // The record of a given ID is the mark that it ran. The claim of a start that may still arrive keeps it from running.
    if (this.#request.processId !== undefined || this.#start.answersLost) return;
    this.#context.acknowledgements.add(this.#start.record);
  }

  /** Makes of an error that came while a command may run one that says so. */
  #translate(error: unknown): unknown {
    if (!SandboxError.is(error)) return error;
    if (this.#begun === undefined && !this.#start.answersLost) return error;
    if (error.code === "SANDBOX_NOT_FOUND") {
      return new SandboxLostError("The sandbox went away while a command ran in it.", {
        operation: "exec",
        sandboxId: this.#context.sandboxId,
        cause: error,
      });
    }
    if (error.code === "FILE_NOT_FOUND") return this.#unknown("record-missing", error);
    return refusals.has(error.code) ? this.#unknown("unreachable", error) : error;
  }

  #notBegun(): ConnectionError {
    return new ConnectionError(
      `The command could not be started within ${this.#request.timeoutMs} ms. It did not run.`,
      {
        operation: "exec",
        sandboxId: this.#context.sandboxId,
        retryable: true,
        cause: this.#start.lastError,
      },
    );
  }

  #unknown(reason: CompletionUnknownReason, cause?: unknown): CompletionUnknownError {
    return new CompletionUnknownError(unknownMessages[reason], {
      operation: "exec",
      sandboxId: this.#context.sandboxId,
      reason,
      processId: this.#processId,
      stdout: this.#collector.stdoutText(),
      stderr: this.#collector.stderrText(),
      cause,
    });
  }
}

const unknownMessages: Readonly<Record<CompletionUnknownReason, string>> = {
  "sandbox-restarted":
    "The sandbox was restarted while the command ran; nobody knows how it ended.",
  "record-missing": "The command's processes are gone and left no exit code.",
  "timeout-unconfirmed": "The command ran too long, and its end could not be proven.",
  unreachable:
    "The sandbox could not be reached to learn how the command ended, or whether it began.",
};

const lostCodes: ReadonlySet<string> = new Set(["SANDBOX_LOST", "SANDBOX_NOT_FOUND"]);

/** Codes of requests that the provider refuses, whatever the command does. */
const refusals: ReadonlySet<string> = new Set([
  "AUTHENTICATION_FAILED",
  "PERMISSION_DENIED",
  "SANDBOX_STATE",
  "CONFIG_INVALID",
]);

/** Exit codes by which a shell reports the two signals that this library sends. */
const killSignals: ReadonlyMap<number, string> = new Map([
  [143, "SIGTERM"],
  [137, "SIGKILL"],
]);
