import type { Command } from "../../../../src/contract/command.ts";
import type {
  CommandOutcome,
  CommandRequest,
} from "../../../../src/core/commands/command-request.ts";
import {
  CommandRunner,
  type CommandRunnerOptions,
} from "../../../../src/core/commands/command-runner.ts";
import { processesOf } from "../../../helpers/processes-of.ts";
import { ShellChannel } from "../../../helpers/shell-channel.ts";
import { until } from "../../../helpers/until.ts";

/** A runner on a real shell of this machine, with everything it leaves removed at the end. */
export class CommandBench implements AsyncDisposable {
  readonly channel: ShellChannel;
  readonly runner: CommandRunner;

  private constructor(channel: ShellChannel, runner: CommandRunner) {
    this.channel = channel;
    this.runner = runner;
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.channel[Symbol.asyncDispose]();
  }
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

/** Resolves when no process of a bench is left. */
export function nothingRuns(bench: CommandBench): Promise<true> {
  return until(async () => (await processesOf(bench.channel.home)).length === 0);
}
