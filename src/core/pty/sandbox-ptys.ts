import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import { UnsupportedOperationError } from "../../contract/provider-errors.ts";
import type { PtyInfo, PtyOptions } from "../../contract/pty.ts";
import type { CommandContext } from "../commands/command-context.ts";
import type { CommandRequest } from "../commands/command-request.ts";
import type { Guard } from "../processes/guard.ts";
import type { SandboxProcesses } from "../processes/sandbox-processes.ts";
import { retryIdempotent } from "../retry.ts";
import type { SandboxChannel } from "../transport.ts";
import { noTerminalExitCode, ptyCommand } from "./pty-command.ts";
import { preparePty } from "./pty-scripts.ts";
import { SandboxPty } from "./sandbox-pty.ts";

/** Bytes of a terminal's record, above which it is ended: what a day of work shows is a hundredth of it. */
const maxRecordBytes = 1024 * 1024 * 1024;

/** Checked options: nothing relative and no default left to find. */
export interface PtyRequest extends PtyOptions {
  readonly cwd: string;
  readonly timeoutMs: number;
}

/** The terminals of one sandbox: each is a process like those of `spawn` whose program opens a terminal and shows what is in it. */
export class SandboxPtys {
  readonly #context: CommandContext;
  readonly #channel: SandboxChannel;
  readonly #processes: SandboxProcesses;
  readonly #guard: Guard;
  readonly #idleMs: number;

  constructor(options: {
    readonly context: CommandContext;
    readonly channel: SandboxChannel;
    readonly processes: SandboxProcesses;
    readonly guard: Guard;
    readonly idleMs: number;
  }) {
    this.#context = options.context;
    this.#channel = options.channel;
    this.#processes = options.processes;
    this.#guard = options.guard;
    this.#idleMs = options.idleMs;
  }

  async attach(options: PtyRequest, signal: AbortSignal): Promise<SandboxPty> {
    const found =
      options.create === false && options.id !== undefined
        ? await this.#processes.find(options.id, signal)
        : await this.#processes.start(requestOf(options), options.id, signal);
    const { processId: id, name } = found;
    const { requests, sandboxId, shellPath } = this.#context;
    const { rows, cols } = options;
    const question = preparePty(name, { rows, cols }, shellPath);
    const prepared = await requests.askUntilAnswered(question, signal);
    const observer = this.#processes.observe(found);
    if (prepared.kind !== "ready" && observer.exit === undefined) {
      // What became of it is for the record to say.
      const { report } = await this.#processes.find(id, signal);
      if (report !== undefined) observer.accept(report);
    }
    if (observer.exit?.exitCode === noTerminalExitCode && observer.sizeOf("stdout") === 0) {
      throw new UnsupportedOperationError(
        "This sandbox offers no way to open a terminal: it has neither script (util-linux) nor python3.",
        { operation: "attachPty", sandboxId },
      );
    }
    if (prepared.kind === "not-ready" && observer.exit === undefined) {
      observer.detach(new Error("no terminal"));
      throw new SandboxStateError(`Process ${id} is not a terminal that can be attached to.`, {
        operation: "attachPty",
        sandboxId,
      });
    }
    return new SandboxPty({
      id,
      context: this.#context,
      channel: this.#channel,
      observer,
      guard: this.#guard,
      recordPath: prepared.kind === "not-ready" ? "" : prepared.recordPath,
      replayFrom: options.replayFrom ?? 0,
      idleMs: this.#idleMs,
    });
  }

  async list(signal: AbortSignal): Promise<PtyInfo[]> {
    const [processes, others] = await Promise.all([
      this.#processes.list(signal),
      retryIdempotent(async () => this.#channel.listTerminals?.({ signal }), signal),
    ]);
    const ours = processes
      .filter(({ startedBy }) => startedBy === "attachPty")
      .map(({ id, state, exitCode, startedAt }) => {
        return { id, isAttachable: true, state, exitCode, startedAt };
      });
    const foreign = (others ?? []).map(({ id, createdAt: startedAt }) => {
      return { id, isAttachable: false, state: "running", exitCode: undefined, startedAt } as const;
    });
    return [...ours, ...foreign];
  }
}

function requestOf({ rows, cols, command, cwd, env, timeoutMs }: PtyRequest): CommandRequest {
  return {
    kind: "pty",
    command: ptyCommand({ command, rows, cols }),
    cwd,
    env: { TERM: "xterm-256color", ...env },
    feeds: true,
    timeoutMs,
    maxOutputBytes: 0,
    maxLogBytes: maxRecordBytes,
  };
}
