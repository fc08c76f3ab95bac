import { SandboxError } from "../../contract/sandbox-error.ts";
import { Deadline } from "../deadline.ts";
import type { CommandContext } from "./command-context.ts";
import { CommandFailures } from "./command-failures.ts";
import type { FollowedReport } from "./command-follower.ts";
import type { CommandOutcome, CommandRequest } from "./command-request.ts";
import { type BegunCommand, CommandStart } from "./command-start.ts";
import { endWhatBegan } from "./end-what-began.ts";
import { exitOf } from "./exit-of.ts";
import { feedInput } from "./feed-input.ts";
import { killRecord } from "./kill-record.ts";
import { CallbackFailure, OutputCollector } from "./output-collector.ts";
import { ProcessInput } from "./process-input.ts";
import type { RecordReport } from "./record-report.ts";
import type { SettledRecord } from "./sandbox-records.ts";

/** One command from its start to a proven end, or to an error that says what is known. */
export class CommandExecution {
  readonly #context: CommandContext;
  readonly #request: CommandRequest;
  readonly #start: CommandStart;
  readonly #collector: OutputCollector;
  readonly #failures: CommandFailures;
  readonly #startedAtMs = performance.now();
  #begun: BegunCommand | undefined;

  constructor(context: CommandContext, request: CommandRequest, processId: string) {
    this.#context = context;
    this.#request = request;
    this.#start = new CommandStart(context, request, processId);
    this.#collector = new OutputCollector(context.requests, request);
    this.#failures = new CommandFailures({
      sandboxId: context.sandboxId,
      processId,
      limits: request,
      output: this.#collector,
    });
  }

  /** Whether a command may be in the sandbox because of this call. */
  get #mayRun(): boolean {
    return this.#begun !== undefined || this.#start.answersLost;
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
      throw this.#failures.translate(error, this.#mayRun);
    }
  }

  async #runToEnd(signal: AbortSignal): Promise<CommandOutcome> {
    for (;;) {
      this.#begun = undefined;
      this.#begun = await this.#start.begin(signal);
      const followed = this.#begun.ended ?? (await this.#feedAndFollow(this.#begun, signal));
      if (followed !== "never-ran") return this.#finish(followed, signal);
      // Its stream cannot be read twice.
      if (this.#request.stdinStream !== undefined) throw this.#failures.neverBegan();
      await this.#start.nextGeneration(signal);
    }
  }

  async #feedAndFollow(
    { record, alreadyStarted }: BegunCommand,
    signal: AbortSignal,
  ): Promise<FollowedReport | "never-ran"> {
    const source = this.#request.stdinStream;
    if (source === undefined || alreadyStarted) return this.#follow(record, signal);
    const stop = new AbortController();
    const failed = new AbortController();
    const input = new ProcessInput(this.#context, record);
    const feeding = feedInput(input, source, AbortSignal.any([signal, stop.signal])).catch(
      (error: unknown) => failed.abort(error),
    );
    try {
      return await this.#follow(record, AbortSignal.any([signal, failed.signal]));
    } finally {
      stop.abort(new Error("the command has ended"));
      await feeding;
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
      if (state === "none") throw this.#failures.unknown("record-missing");
      if (state === "gone" || state === "restarted") {
        await this.#collectWhatThereIs(followed, signal);
        const reason = state === "gone" ? "record-missing" : "sandbox-restarted";
        throw this.#failures.unknown(reason);
      }
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
      await this.#killOverLimit();
      throw this.#failures.overLimit();
    }
    if (this.#collector.streams) {
      await this.#collector.absorb(report, `${folder}/${this.#start.record}`, signal);
    }
  }

  async #finish({ report, folder }: FollowedReport, signal: AbortSignal): Promise<CommandOutcome> {
    await this.#collector.absorb(report, `${folder}/${this.#start.record}`, signal);
    this.#acknowledge();
    return {
      ...exitOf(report),
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
    if (!this.#start.sent) throw this.#failures.notBegun(this.#start.lastError);
    using bound = Deadline.start("exec", timing.killTimeoutMs);
    let settled: SettledRecord;
    try {
      // Whoever started it: this call's time for it is over.
      settled = await this.#kill(bound.signal);
    } catch (error) {
      if (SandboxError.is(error) && lostCodes.has(error.code))
        throw this.#failures.translate(error, this.#mayRun);
      throw this.#failures.unknown(
        this.#begun === undefined ? "unreachable" : "timeout-unconfirmed",
        this.#start.lastError ?? error,
      );
    }
    const { report } = settled;
    if (report.state === "burned") throw this.#failures.notBegun(this.#start.lastError);
    if (report.state === "none") throw this.#failures.unknown("record-missing");
    // It had ended by itself before the kill.
    if (report.state === "exited" && !report.killed) {
      try {
        return await this.#finish(settled, bound.signal);
      } catch (error) {
        if (error instanceof CallbackFailure) throw error.thrown;
        throw this.#failures.unknown("unreachable", error);
      }
    }
    await this.#collectWhatThereIs(settled, bound.signal);
    if (report.state === "restarted") throw this.#failures.unknown("sandbox-restarted");
    const ended = report.state === "exited" || report.state === "gone";
    if (!ended || settled.left > 0) throw this.#failures.unknown("timeout-unconfirmed");
    this.#acknowledge();
    throw this.#failures.timedOut();
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
    // Whoever started it.
    return killRecord(this.#context, this.#start.record, undefined, signal);
  }

  async #killOverLimit(): Promise<void> {
    using bound = Deadline.start("exec", this.#context.timing.killTimeoutMs);
    let settled: SettledRecord;
    try {
      settled = await this.#kill(bound.signal);
    } catch (error) {
      throw this.#failures.unknown("unreachable", error);
    }
    if (settled.left > 0) throw this.#failures.unknown("timeout-unconfirmed");
    this.#acknowledge();
  }

  /** Ends what this call started, within a bound of its own: the caller's signal is aborted already. */
  async #killQuietly(): Promise<void> {
    if (await endWhatBegan(this.#context, this.#start, this.#begun)) this.#acknowledge();
  }

  #acknowledge(): void {
    // The record of a given ID is the mark that it ran.
    if (this.#request.processId !== undefined) return;
    this.#context.acknowledgements.add(this.#start.record, this.#start.answersLost);
  }
}

const lostCodes: ReadonlySet<string> = new Set(["SANDBOX_LOST", "SANDBOX_NOT_FOUND"]);
