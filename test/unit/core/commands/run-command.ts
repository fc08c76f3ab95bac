import type { Command } from "../../../../src/contract/command.ts";
import type {
  AttachOptions,
  SandboxProcess,
  SpawnOptions,
} from "../../../../src/contract/process.ts";
import type {
  CommandOutcome,
  CommandRequest,
} from "../../../../src/core/commands/command-request.ts";
import {
  CommandRunner,
  type CommandRunnerOptions,
} from "../../../../src/core/commands/command-runner.ts";
import { SandboxProcesses } from "../../../../src/core/processes/sandbox-processes.ts";
import { processesOf } from "../../../helpers/processes-of.ts";
import { ShellChannel } from "../../../helpers/shell-channel.ts";
import { until } from "../../../helpers/until.ts";

/** A runner on a real shell of this machine, with everything it leaves removed at the end. */
export class CommandBench implements AsyncDisposable {
  readonly channel: ShellChannel;
  readonly runner: CommandRunner;
  readonly processes: SandboxProcesses;

  readonly #shellPath: string;

  private constructor(channel: ShellChannel, runner: CommandRunner, shellPath: string) {
    this.#shellPath = shellPath;
    this.channel = channel;
    this.runner = runner;
    this.processes = new SandboxProcesses(runner.context, (_operation, run) => run());
  }

  static async open(
    shells: { readonly outer?: string; readonly inner?: string } = {},
    options: Partial<CommandRunnerOptions> = {},
  ): Promise<CommandBench> {
    const channel = await ShellChannel.open(shells.outer ?? "dash");
    const shellPath = await channel.knownShell(shells.inner ?? "dash");
    return new CommandBench(
      channel,
      new CommandRunner({ channel, sandboxId: "sandbox-1", shellPath, ...options }),
      shellPath,
    );
  }

  run(
    command: Command,
    request: Partial<CommandRequest> & { readonly signal?: AbortSignal } = {},
  ): Promise<CommandOutcome> {
    const { signal, ...rest } = request;
    return this.runner.run(
      {
        command,
        cwd: this.channel.home,
        env: {},
        timeoutMs: 60_000,
        maxOutputBytes: 16 * 1024 * 1024,
        maxLogBytes: 1024 * 1024 * 1024,
        ...rest,
      },
      signal ?? new AbortController().signal,
    );
  }

  spawn(command: Command, options: SpawnOptions = {}): Promise<SandboxProcess> {
    return this.processes.spawn(
      command,
      { ...options, cwd: options.cwd ?? this.channel.home, timeoutMs: 60_000 },
      options.signal ?? AbortSignal.timeout(60_000),
    );
  }

  attach(processId: string, options: AttachOptions = {}): Promise<SandboxProcess> {
    return this.processes.attach(processId, options, AbortSignal.timeout(60_000));
  }

  /** Another client of the same sandbox. */
  another(): CommandBench {
    const { channel } = this;
    const runner = new CommandRunner({
      channel,
      sandboxId: "sandbox-1",
      shellPath: this.#shellPath,
    });
    return new CommandBench(channel, runner, this.#shellPath);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.processes.detachAll(new Error("The bench is closed."));
    return this.channel[Symbol.asyncDispose]();
  }
}

/** All of a stream. */
export async function read(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

/** Resolves when no process of a bench is left. */
export function nothingRuns(bench: CommandBench): Promise<true> {
  return until(async () => (await processesOf(bench.channel.home)).length === 0);
}
