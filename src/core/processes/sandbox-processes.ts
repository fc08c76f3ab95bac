import type { Command } from "../../contract/command.ts";
import { ProcessNotFoundError } from "../../contract/command-errors.ts";
import type { AttachOptions, ProcessInfo, SpawnOptions } from "../../contract/process.ts";
import { type CommandContext, mostGenerations, recordName } from "../commands/command-context.ts";
import { CommandFailures } from "../commands/command-failures.ts";
import type { FollowedReport } from "../commands/command-follower.ts";
import { type CommandRequest, defaultMaxLogBytes } from "../commands/command-request.ts";
import { type BegunCommand, CommandStart } from "../commands/command-start.ts";
import { endWhatBegan } from "../commands/end-what-began.ts";
import { createProcessId } from "../commands/process-id.ts";
import type { SettledRecord } from "../commands/sandbox-records.ts";
import { withGitAccess } from "../git/git-credentials.ts";
import { FollowedProcess } from "./followed-process.ts";
import type { Guard } from "./guard.ts";
import { ProcessObserver } from "./process-observer.ts";

/** Checked options of a spawn: nothing relative and no default left to find. */
export interface SpawnRequest extends SpawnOptions {
  readonly cwd: string;
  readonly timeoutMs: number;
}

/** A record that there is, and what is known of it. */
export interface FoundRecord {
  readonly processId: string;
  /** Name of the record. */
  readonly name: string;
  /** Bytes of output that its start allowed it. */
  readonly maxLogBytes: number;
  readonly report: FollowedReport | undefined;
  /** Whether this very call started it. */
  readonly startedHere: boolean;
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
    const request: CommandRequest = {
      ...withGitAccess(command, options.gitCredentials),
      kind: "spawn",
      cwd: options.cwd,
      env: options.env ?? {},
      user: options.user,
      feeds: options.stdin === "open",
      timeoutMs: options.timeoutMs,
      maxOutputBytes: 0,
      maxLogBytes: options.maxLogBytes ?? defaultMaxLogBytes,
    };
    return this.#follow(await this.start(request, options.id, signal), options);
  }

  async attach(
    processId: string,
    options: AttachOptions,
    signal: AbortSignal,
  ): Promise<FollowedProcess> {
    return this.#follow(await this.find(processId, signal), options);
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

  /** Starts a command, or finds it where another call with the same ID has started it. */
  async start(
    request: CommandRequest,
    id: string | undefined,
    signal: AbortSignal,
  ): Promise<FoundRecord> {
    const processId = id ?? createProcessId();
    const start = new CommandStart(this.#context, request, processId);
    const begun = await this.#begin(start, signal);
    if (begun.alreadyStarted) return this.find(processId, signal);
    const { maxLogBytes } = request;
    return { processId, name: begun.record, maxLogBytes, report: begun.ended, startedHere: true };
  }

  /** What there is of a process; rejects when there is none. */
  async find(processId: string, signal: AbortSignal): Promise<FoundRecord> {
    const settled = await this.#lookUp(processId, signal);
    const { maxLogBytes, generation } = settled;
    const name = recordName(processId, generation);
    return { processId, name, maxLogBytes, report: settled, startedHere: false };
  }

  /** Looks after a process until somebody lets go of it. */
  observe({ processId, name, maxLogBytes, report }: FoundRecord): ProcessObserver {
    const failures = this.#failuresOf(processId, maxLogBytes);
    const observer = new ProcessObserver(this.#context, { name, maxLogBytes, failures });
    if (report !== undefined) observer.accept(report);
    this.#remember(observer);
    return observer;
  }

  /** Begins, and ends again what began when the caller's time is over before the answer comes. */
  async #begin(start: CommandStart, signal: AbortSignal): Promise<BegunCommand> {
    try {
      return await start.begin(signal);
    } catch (error) {
      if (signal.aborted) {
        await endWhatBegan(this.#context, start, undefined);
        throw error;
      }
      throw this.#failuresOf(start.processId, 0).translate(error, start.answersLost);
    }
  }

  async #lookUp(processId: string, signal: AbortSignal): Promise<SettledRecord> {
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

  #follow(found: FoundRecord, options: AttachOptions): FollowedProcess {
    return new FollowedProcess({
      id: found.processId,
      context: this.#context,
      observer: this.observe(found),
      guard: this.#guard,
      stdoutOffset: options.stdoutOffset ?? 0,
      stderrOffset: options.stderrOffset ?? 0,
      output: options,
    });
  }

  #failuresOf(processId: string, maxLogBytes: number): CommandFailures {
    return new CommandFailures({
      sandboxId: this.#context.sandboxId,
      processId,
      limits: { maxLogBytes, timeoutMs: 0 },
      // Whoever reads it has it.
      output: undefined,
    });
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
