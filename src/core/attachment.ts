import { CommandRunner } from "./commands/command-runner.ts";
import { SandboxFiles } from "./files/sandbox-files.ts";
import { GuardedChannel } from "./guarded-channel.ts";
import type { Guard } from "./processes/guard.ts";
import { SandboxProcesses } from "./processes/sandbox-processes.ts";
import { SandboxPtys } from "./pty/sandbox-ptys.ts";
import type { SandboxFacts } from "./setup/prove-answer.ts";
import type { SandboxRecord, Transport } from "./transport.ts";
import { lateEnvironment, resolveWorkDir } from "./work-dir.ts";

/** The sandbox that a backend is bound to, and what works inside it. */
export interface Attachment {
  readonly sandboxId: string;
  readonly facts: SandboxFacts;
  readonly name: string;
  /** Absolute. */
  readonly workDir: string;
  readonly channel: GuardedChannel;
  readonly files: SandboxFiles;
  readonly commands: CommandRunner;
  readonly processes: SandboxProcesses;
  readonly ptys: SandboxPtys;
  /** Environment of every command that was not known when the sandbox was created. */
  readonly env: Readonly<Record<string, string>>;
}

/** Binds to a running sandbox. No request. */
export function attachTo(
  transport: Transport,
  record: SandboxRecord,
  configuredWorkDir: string,
  facts: SandboxFacts,
  options: {
    readonly guard: Guard;
    /** Milliseconds after which a terminal that nobody uses is not asked for any more. */
    readonly idleMs: number;
  },
): Attachment {
  const channel = new GuardedChannel(transport, record.id);
  const commands = new CommandRunner({ channel, sandboxId: record.id });
  const processes = new SandboxProcesses(commands.context, options.guard);
  const workDir = resolveWorkDir(configuredWorkDir, facts.homeDirectory);
  return {
    sandboxId: record.id,
    facts,
    name: record.name,
    workDir,
    channel,
    files: new SandboxFiles(channel),
    commands,
    processes,
    ptys: new SandboxPtys({ context: commands.context, channel, processes, ...options }),
    env: lateEnvironment(configuredWorkDir, workDir),
  };
}
