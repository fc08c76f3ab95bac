import type { Command } from "../../contract/command.ts";
import { ProcessNotFoundError } from "../../contract/command-errors.ts";
import type { AttachOptions, ProcessInfo, SpawnOptions } from "../../contract/process.ts";
import { type CommandContext, mostGenerations, recordName } from "../commands/command-context.ts";
import { CommandFailures } from "../commands/command-failures.ts";
import type { FollowedReport } from "../commands/command-follower.ts";
import { type BegunCommand, CommandStart } from "../commands/command-start.ts";
import { endWhatBegan } from "../commands/end-what-began.ts";
import { createProcessId } from "../commands/process-id.ts";
import type { SettledRecord } from "../commands/sandbox-records.ts";
import { gitAccess, withPrologue } from "../git/git-credentials.ts";
import { FollowedProcess } from "./followed-process.ts";
import type { Guard } from "./guard.ts";
import { ProcessObserver } from "./process-observer.ts";

const defaultMaxLogBytes = 1024 * 1024 * 1024;

/** Checked options of a spawn: nothing relative and no default left to find. */
export interface SpawnRequest extends SpawnOptions {
  readonly cwd: string;
  readonly timeoutMs: number;
}

/** The processes of one sandbox that this client has spawned or attached to. */
export class SandboxProcesses {
  readonly #context: CommandContext;
  readonly #guard: Guard;
  readonly #observers = new Set<ProcessObserver>();

  constructor(context: CommandContext, guard: Guard) {
    this.#context = context;
    this.#guard = guard;
  }

  async spawn(
    command: Command,
    options: SpawnRequest,
    signal: AbortSignal,
  ): Promise<FollowedProcess> {
    const { gitCredentials, maxLogBytes = defaultMaxLogBytes } = options;
    const access = gitCredentials === undefined ? undefined : gitAccess(gitCredentials, undefined);
    const processId = options.id ?? createProcessId();
    // Shells count in 64 bits.
    const limit = Math.min(maxLogBytes, Number.MAX_SAFE_INTEGER);
    const start = new CommandStart(
      this.#context,
      {
        kind: "spawn",
        command: access === undefined ? command : withPrologue(command, access.prologue),
        cwd: options.cwd,
        env: options.env ?? {},
        secretEnv: access?.secretEnv ?? {},
        user: options.user,
        feeds: options.stdin === "open",
        timeoutMs: options.timeoutMs,
        maxOutputBytes: 0,
        maxLogBytes: limit,
      },
      processId,
    );
    const begun = await this.begin(start, signal);
    if (begun.alreadyStarted) return this.attach(processId, options, signal);
    const name = begun.record;
    return this.#follow(processId, { name, maxLogBytes: limit }, begun.ended, options);
  }

  async attach(
    processId: string,
    options: AttachOptions,
    signal: AbortSignal,
  ): Promise<FollowedProcess> {
    const settled = await this.lookUp(processId, signal);
    const { maxLogBytes, generation } = settled;
    const name = recordName(processId, generation);
    return this.#follow(processId, { name, maxLogBytes }, settled, options);
  }

  async list(signal: AbortSignal): Promise<ProcessInfo[]> {
    const { requests, questions } = this.#context;
    const records = await requests.askUntilAnswered(questions.list(), signal);
    return records.map(({ processId, state, exitCode, kind, startedAt, commandLine }) => ({
      id: processId,
      state: state === "exited" ? "exited" : isRunning(state) ? "running" : "unknown",
      exitCode,
      startedBy: kind === "spawn" ? "spawn" : kind === "pty" ? "attachPty" : "exec",
      startedAt,
      commandLine,
    }));
  }

  /** Lets go of all of them: nothing is asked any more. */
  detachAll(reason: unknown): void {
    for (const observer of this.#observers) observer.detach(reason);
    this.#observers.clear();
  }

  /** Starts, and ends again what began when the caller's time is over before the answer comes. */
  async begin(start: CommandStart, signal: AbortSignal): Promise<BegunCommand> {
    try {
      return await start.begin(signal);
    } catch (error) {
      if (signal.aborted) {
        await endWhatBegan(this.#context, start, undefined);
        throw error;
      }
      const failures = new CommandFailures({
        sandboxId: this.#context.sandboxId,
        processId: start.processId,
        limits: { timeoutMs: 0, maxLogBytes: 0 },
        output: undefined,
      });
      throw failures.translate(error, start.answersLost);
    }
  }

  /** What there is of a process; rejects when there is none. */
  async lookUp(processId: string, signal: AbortSignal): Promise<SettledRecord> {
    const { requests, questions, sandboxId } = this.#context;
    const question = questions.lookUp(processId, mostGenerations);
    const settled = await requests.askUntilAnswered(question, signal);
    const isThere =
      settled !== "no-folder" &&
      settled.report.state !== "none" &&
      settled.report.state !== "burned";
    if (isThere) return settled;
    throw new ProcessNotFoundError(`The sandbox has no process ${processId}.`, {
      operation: "attachProcess",
      sandboxId,
      processId,
    });
  }

  #follow(
    id: string,
    record: { readonly name: string; readonly maxLogBytes: number },
    report: FollowedReport | undefined,
    options: AttachOptions,
  ): FollowedProcess {
    const observer = this.observe(id, record, report);
    return new FollowedProcess({
      id,
      context: this.#context,
      observer,
      failures: observer.failures,
      guard: this.#guard,
      stdoutOffset: options.stdoutOffset ?? 0,
      stderrOffset: options.stderrOffset ?? 0,
      output: options,
    });
  }

  /** Looks after a process until somebody lets go of it. */
  observe(
    id: string,
    record: { readonly name: string; readonly maxLogBytes: number },
    report: FollowedReport | undefined,
  ): ProcessObserver {
    const failures = new CommandFailures({
      sandboxId: this.#context.sandboxId,
      processId: id,
      limits: { maxLogBytes: record.maxLogBytes, timeoutMs: 0 },
      output: undefined,
    });
    const observer = new ProcessObserver(this.#context, { ...record, failures });
    if (report !== undefined) observer.accept(report);
    this.#remember(observer);
    return observer;
  }

  #remember(observer: ProcessObserver): void {
    for (const known of this.#observers) {
      if (known.exit !== undefined || known.detached.aborted) this.#observers.delete(known);
    }
    this.#observers.add(observer);
  }
}

function isRunning(state: string): boolean {
  return state === "running" || state === "starting";
}
