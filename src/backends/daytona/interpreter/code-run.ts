import type { CodeResult } from "../../../contract/code-interpreter.ts";
import { createTag } from "../../../core/commands/answer.ts";
import { CallbackFailure, OutputCollector } from "../../../core/commands/output-collector.ts";
import { createProcessId } from "../../../core/commands/process-id.ts";
import type { StreamReport } from "../../../core/commands/record-report.ts";
import { Deadline } from "../../../core/deadline.ts";
import { delay, untilAborted } from "../../../core/delay.ts";
import {
  type ExecutionMessage,
  type ExecutionRequest,
  type ExecutionSocket,
  type SocketEnd,
  unexpectedEnd,
} from "./execution-socket.ts";
import type { RunEnvironment, RunRequest } from "./run-environment.ts";
import { contextNotFound, isLost, RunFailures } from "./run-failures.ts";
import { readRunMessage } from "./run-messages.ts";
import { runProgram } from "./run-program.ts";
import { type RunReport, readRunReport } from "./run-report.ts";
import { type RunAction, type RunStatus, runQuestion } from "./settle-script.ts";
import { TextCallback } from "./text-callback.ts";

/** Milliseconds that interrupted code has to come to its end before its interpreter is killed. */
const graceMs = 2_000;
/** Milliseconds in which the end of a run must be proven once its time is over. */
const endLimitMs = 30_000;
/** The server's own timeout, for a host that is gone, comes so many seconds after ours. */
const serverSlackSeconds = 60;
const defaultMaxOutputBytes = 64 * 1024 * 1024;
const maxLogBytes = 1024 * 1024 * 1024;

type Ending =
  | { readonly type: "report"; readonly report: RunReport }
  | { readonly type: "closed"; readonly end: SocketEnd };

/** One run of code, from its start to what can be known of its end. */
export class CodeRun {
  readonly #environment: RunEnvironment;
  readonly #request: RunRequest;
  readonly #name = `code-${createProcessId()}`;
  readonly #tag = createTag();
  readonly #startedAtMs = performance.now();
  readonly #output: OutputCollector;
  readonly #texts: readonly TextCallback[];
  /** Ends everything at once: the caller's callback threw, or the output cannot be read. */
  readonly #broken = new AbortController();
  readonly #failures: RunFailures;
  #absorbing: Promise<void> = Promise.resolve();
  #socket: ExecutionSocket | undefined;
  #hasBegun = false;
  #removes: readonly string[] = [];
  #serverError = "";

  constructor(environment: RunEnvironment, request: RunRequest) {
    this.#environment = environment;
    this.#request = request;
    const stdout = new TextCallback(request.onStdout);
    const stderr = new TextCallback(request.onStderr);
    this.#texts = [stdout, stderr];
    this.#output = new OutputCollector(environment.commands.requests, {
      maxOutputBytes: request.maxOutputBytes ?? defaultMaxOutputBytes,
      onStdout: stdout.accept,
      onStderr: stderr.accept,
    });
    this.#failures = new RunFailures(this.#name, request, this.#output);
  }

  /** @param signal - The caller's; when it is aborted, the code is interrupted before this rejects with its reason. */
  async run(signal: AbortSignal): Promise<CodeResult> {
    using timer = Deadline.start("runCode", this.#request.timeoutMs);
    const stop = AbortSignal.any([signal, timer.signal, this.#broken.signal]);
    try {
      const report = await this.#report(stop);
      return await this.#result(report, stop);
    } catch (error) {
      if (!stop.aborted) throw this.#failures.translated(error, this.#socket !== undefined);
      throw await this.#endEarly(signal, timer.ended);
    } finally {
      this.#socket?.close();
      // They are still to be removed.
      if (!this.#hasBegun) this.#environment.unneeded.push(...this.#removes);
    }
  }

  async #report(stop: AbortSignal): Promise<RunReport> {
    const ending = await this.#execute(stop);
    if (ending.type === "report") return ending.report;
    const { code, reason } = ending.end;
    if (code === 1008 && /context not found/.test(reason))
      throw contextNotFound(this.#request.contextId, reason);
    return this.#followRecord(ending.end, stop);
  }

  /** Sends the code, and takes what comes until the end or the loss of the connection. */
  async #execute(stop: AbortSignal): Promise<Ending> {
    const { folder, unneeded } = this.#environment;
    const { code, contextId, env, timeoutMs } = this.#request;
    this.#removes = unneeded.splice(0);
    const program = runProgram({
      tag: this.#tag,
      folder: `${folder}/${this.#name}`,
      code,
      contextId,
      maxLogBytes,
      unneeded: this.#removes,
    });
    const request = {
      code: program,
      contextId,
      envs: env,
      timeout: Math.ceil(timeoutMs / 1000) + serverSlackSeconds,
    };
    let onReport: ((report: string | undefined) => void) | undefined;
    const reported = new Promise<string | undefined>((resolve) => {
      onReport = resolve;
    });
    this.#socket = await this.#open(request, (message) => this.#take(message, onReport), stop);
    const first = await untilAborted(
      Promise.race([
        reported.then((report) => ({ type: "reported", report }) as const),
        this.#socket.ended.then((end) => ({ type: "closed", end }) as const),
      ]),
      stop,
    );
    await untilAborted(this.#absorbing, stop);
    if (first.type === "closed") return first;
    return {
      type: "report",
      report: readRunReport(first.report ?? (await this.#readReport(stop))),
    };
  }

  /** A refused handshake says little, so the sandbox is asked what is wrong with it. */
  async #open(
    request: ExecutionRequest,
    onMessage: (message: ExecutionMessage) => void,
    stop: AbortSignal,
  ): Promise<ExecutionSocket> {
    try {
      return await this.#environment.open(request, onMessage, stop);
    } catch (error) {
      stop.throwIfAborted();
      const { killRequests, shellPath } = this.#environment.commands;
      await killRequests.ask(runQuestion(shellPath, this.#name, "look"), stop);
      throw error;
    }
  }

  #take(
    message: ExecutionMessage,
    onReport: ((report: string | undefined) => void) | undefined,
  ): void {
    if (message.type === "error") this.#serverError = `${message.name}: ${message.value}`;
    const said = readRunMessage(message, this.#tag);
    switch (said?.type) {
      case "began":
        this.#hasBegun = true;
        this.#socket?.watch();
        break;
      case "output":
        this.#absorb({ [said.stream]: said.report });
        break;
      case "end":
        onReport?.(said.report);
        break;
      // By us: who waits has his answer.
      case "refused":
      case undefined:
        break;
    }
  }

  /** Without its connection: what the run leaves behind in the sandbox tells how it goes on. */
  async #followRecord(end: SocketEnd, stop: AbortSignal): Promise<RunReport> {
    for (let turn = 0; ; turn++) {
      const status = await this.#settle(this.#hasBegun ? "look" : "burn", stop);
      if (status.state === "burned") throw this.#failures.neverBegan(end, this.#serverError);
      if (status.state === "gone") {
        this.#absorbStatus(status);
        await untilAborted(this.#absorbing, stop);
        this.#environment.unneeded.push(this.#name);
        this.#environment.onContextGone(this.#request.contextId);
        throw this.#failures.unknown("record-missing", unexpectedEnd(end));
      }
      if (status.state !== "starting") this.#absorbStatus(status);
      await untilAborted(this.#absorbing, stop);
      if (status.state === "ended") return readRunReport(await this.#readReport(stop));
      await delay(Math.min(2_000, 100 * 2 ** turn), stop);
    }
  }

  async #result(report: RunReport, stop: AbortSignal): Promise<CodeResult> {
    this.#absorb({ stdout: size(report.stdoutBytes), stderr: size(report.stderrBytes) });
    await untilAborted(this.#absorbing, stop);
    this.#environment.unneeded.push(this.#name);
    if (report.overLimit) throw this.#failures.overLimit(maxLogBytes);
    for (const text of this.#texts) text.end();
    if (report.error !== undefined) this.#request.onError?.(report.error);
    return {
      stdout: this.#output.stdoutText(),
      stderr: this.#output.stderrText(),
      truncated: this.#output.truncated,
      error: report.error,
      results: report.results,
      charts: report.charts,
      durationMs: performance.now() - this.#startedAtMs,
    };
  }

  /** Ends the run, and makes the error that says why and with what proof. */
  async #endEarly(signal: AbortSignal, isTimeout: boolean): Promise<unknown> {
    const limit = AbortSignal.timeout(endLimitMs);
    let state: RunStatus["state"] | undefined;
    try {
      const status = await this.#end(limit);
      state = status.state;
      // What was written up to the end belongs to the error.
      if (isTimeout && state !== "burned") this.#absorbStatus(status);
      await untilAborted(this.#absorbing, limit);
    } catch (error) {
      if (state === undefined && !isLost(error)) state = "running";
      else if (isLost(error)) return this.#failures.translated(error, this.#socket !== undefined);
    }
    if (state === "gone") this.#environment.onContextGone(this.#request.contextId);
    if (state !== "running" && state !== undefined) this.#environment.unneeded.push(this.#name);
    if (state === "running" || state === "starting")
      return this.#failures.unknown(
        isTimeout ? "timeout-unconfirmed" : "kill-unconfirmed",
        signal.reason,
      );
    if (this.#broken.signal.aborted) return this.#brokenReason();
    if (signal.aborted) return signal.reason;
    if (state === "burned") return this.#failures.notBegun();
    return this.#failures.timedOut(state === "gone");
  }

  async #end(limit: AbortSignal): Promise<RunStatus> {
    const startedAtMs = performance.now();
    let status = await this.#settle("interrupt", limit);
    while (status.state === "running" || status.state === "starting") {
      if (performance.now() - startedAtMs > graceMs) return this.#settle("kill", limit);
      await delay(100, limit);
      status = await this.#settle("look", limit);
    }
    return status;
  }

  #settle(action: RunAction, signal: AbortSignal): Promise<RunStatus> {
    const { killRequests, shellPath } = this.#environment.commands;
    return killRequests.askUntilAnswered(runQuestion(shellPath, this.#name, action), signal);
  }

  async #readReport(signal: AbortSignal): Promise<string> {
    const chunks: Uint8Array[] = [];
    const path = `${this.#environment.folder}/${this.#name}/result`;
    await this.#environment.commands.requests.readRange(path, 0, maxLogBytes, signal, (chunk) => {
      chunks.push(chunk);
    });
    return Buffer.concat(chunks).toString("utf8");
  }

  #absorbStatus({ stdoutBytes, stderrBytes }: RunStatus): void {
    this.#absorb({ stdout: size(stdoutBytes), stderr: size(stderrBytes) });
  }

  /** Takes output in its order; what the messages do not hold is read from the files. */
  #absorb({
    stdout,
    stderr,
  }: {
    readonly stdout?: StreamReport;
    readonly stderr?: StreamReport;
  }): void {
    const path = `${this.#environment.folder}/${this.#name}/run`;
    this.#absorbing = this.#absorbing
      .then(() =>
        this.#output.absorb(
          {
            stdout: stdout ?? size(this.#output.stdoutOffset),
            stderr: stderr ?? size(this.#output.stderrOffset),
          },
          path,
          this.#broken.signal,
        ),
      )
      .catch((error: unknown) => this.#broken.abort(error));
  }

  #brokenReason(): unknown {
    const { reason } = this.#broken.signal as { readonly reason: unknown };
    return reason instanceof CallbackFailure
      ? reason.thrown
      : this.#failures.translated(reason, this.#socket !== undefined);
  }
}

function size(sizeBytes: number): StreamReport {
  return { sizeBytes, inline: undefined };
}
