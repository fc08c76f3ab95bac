import { SandboxLostError } from "../../contract/command-errors.ts";
import { ConfigError } from "../../contract/provider-errors.ts";
import type { SandboxChannel, TransportCall } from "../transport.ts";
import { Acknowledgements } from "./acknowledgements.ts";
import { type CommandContext, mostGenerations } from "./command-context.ts";
import { CommandExecution } from "./command-execution.ts";
import { CommandFollower } from "./command-follower.ts";
import type { CommandOutcome, CommandRequest, CommandState } from "./command-request.ts";
import { type CommandTiming, defaultCommandTiming } from "./command-timing.ts";
import { forgetScript } from "./forget-script.ts";
import { createProcessId } from "./process-id.ts";
import { RecordQuestions } from "./sandbox-records.ts";
import { SandboxRequests } from "./sandbox-requests.ts";

export interface CommandRunnerOptions {
  readonly channel: SandboxChannel;
  readonly sandboxId: string;
  /** Asks the provider whether the sandbox is proven gone. Asked when requests fail again and again. */
  readonly isGone?: ((call: TransportCall) => Promise<boolean>) | undefined;
  /** Path of a POSIX shell in the sandbox. Default: `/bin/sh`. */
  readonly shellPath?: string | undefined;
  readonly timing?: Partial<CommandTiming> | undefined;
}

/**
 * Runs durable commands in one sandbox: they depend on no connection, start at most once, and end with what they left behind in
 * the sandbox, never with a guess.
 */
export class CommandRunner {
  readonly #channel: SandboxChannel;
  /** What everything about commands in this sandbox shares. */
  readonly context: CommandContext;
  readonly #shellPath: string;
  readonly #pollFile: string;

  constructor(options: CommandRunnerOptions) {
    const { channel, sandboxId, isGone } = options;
    const timing: CommandTiming = { ...defaultCommandTiming, ...options.timing };
    this.#channel = channel;
    this.#shellPath = options.shellPath ?? "/bin/sh";
    this.#pollFile = `${createProcessId()}.poll`;
    const onFailure = async (
      failures: number,
      error: unknown,
      signal: AbortSignal,
    ): Promise<void> => {
      if (failures < failuresBeforeAsking || isGone === undefined) return;
      if (await isGone({ signal })) {
        throw new SandboxLostError("The sandbox went away while a command ran in it.", {
          operation: "exec",
          sandboxId,
          cause: error,
        });
      }
    };
    const requests = new SandboxRequests(channel, timing.requestTimeoutMs, onFailure);
    let sweeps = 1;
    this.context = {
      sandboxId,
      timing,
      shellPath: this.#shellPath,
      requests,
      killRequests: new SandboxRequests(channel, timing.killRequestTimeoutMs, onFailure),
      questions: new RecordQuestions({
        sandboxId,
        shellPath: this.#shellPath,
        pollFile: this.#pollFile,
      }),
      follower: new CommandFollower(requests, {
        pollFile: this.#pollFile,
        pollSeconds: timing.pollSeconds,
        shellPath: this.#shellPath,
      }),
      acknowledgements: new Acknowledgements(),
      takeSweep: () => sweeps-- > 0,
    };
  }

  /**
   * Runs a command to its end.
   *
   * @throws {@link CommandTimeoutError} after `timeoutMs`, when the end of its processes is proven.
   * @throws {@link CompletionUnknownError} when nobody can know how, or whether, it ended.
   * @throws {@link OutputLimitError}, {@link WorkingDirectoryNotFoundError}, {@link SandboxLostError}.
   * @throws `ConnectionError` only when it is proven that it did not begin.
   * @throws the reason of `signal` when that is aborted, after ending what this call started; and what a callback throws.
   */
  async run(request: CommandRequest, signal: AbortSignal): Promise<CommandOutcome> {
    const processId = request.processId ?? createProcessId();
    checkProcessId(processId);
    // Shells count in 64 bits and know no infinity.
    const bounded: CommandRequest = {
      ...request,
      maxOutputBytes: Math.min(request.maxOutputBytes, Number.MAX_SAFE_INTEGER),
      maxLogBytes: Math.min(request.maxLogBytes, Number.MAX_SAFE_INTEGER),
    };
    return new CommandExecution(this.context, bounded, processId).run(signal);
  }

  /** What the sandbox knows about a command. */
  async lookUp(processId: string, call: TransportCall): Promise<CommandState> {
    checkProcessId(processId);
    const { requests, questions } = this.context;
    const question = questions.lookUp(processId, mostGenerations);
    const settled = await requests.askUntilAnswered(question, call.signal);
    if (settled === "no-folder") return { state: "none" };
    const { state, exitCode } = settled.report;
    switch (state) {
      case "none":
      case "burned":
        return { state: "none" };
      case "starting":
      case "running":
        return { state: "running" };
      case "exited":
        return exitCode === undefined ? { state: "unknown" } : { state: "exited", exitCode };
      case "gone":
      case "restarted":
        return { state: "unknown" };
    }
  }

  /** Removes the files of the commands that have ended. Without any there is no request. */
  async dispose(signal: AbortSignal): Promise<void> {
    const patterns = this.context.acknowledgements.takeAll();
    if (patterns.length === 0 && !this.context.follower.polled) return;
    try {
      const script = forgetScript(patterns, this.#pollFile, this.#shellPath);
      await this.#channel.runScript(script, { signal });
    } catch (error) {
      this.context.acknowledgements.putBack(patterns);
      throw error;
    }
  }
}

const failuresBeforeAsking = 3;

function checkProcessId(processId: string): void {
  if (/^[A-Za-z0-9]{1,64}$/.test(processId)) return;
  throw new ConfigError("The ID of a process consists of 1 to 64 letters and digits.", {
    operation: "exec",
    path: "processId",
  });
}
