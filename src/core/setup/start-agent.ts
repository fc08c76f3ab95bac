import type { AgentConfig } from "../../contract/agent.ts";
import type { BackendConfig } from "../../contract/config.ts";
import { planAgent } from "../agent/agent-plan.ts";
import { type AgentProgram, loadAgentProgram } from "../agent/agent-program.ts";
import { type RunningAgent, SandboxAgent } from "../agent/sandbox-agent.ts";
import type { CommandRunner } from "../commands/command-runner.ts";
import { SandboxProcesses } from "../processes/sandbox-processes.ts";
import type { SandboxChannel, Transport } from "../transport.ts";
import { lateEnvironment } from "../work-dir.ts";
import type { FirstAnswer } from "./prove-answer.ts";

/** A program on its way; not a promise itself, so that it can be handed on without being awaited. */
export interface LoadingProgram {
  readonly loaded: Promise<AgentProgram | undefined>;
}

/** Begins to load the agent's program. A download goes on beside the first steps; everything else is there, or fails, at once. */
export async function beginToLoad(
  source: AgentConfig["source"],
  signal: AbortSignal,
): Promise<LoadingProgram> {
  const loaded = loadAgentProgram(source, signal);
  // Awaited later, and not at all when another step fails before.
  loaded.catch(() => undefined);
  if (!(source instanceof URL)) await loaded;
  return { loaded };
}

/** The step `agent` of a setup. */
export async function startAgent(
  options: {
    readonly transport: Transport;
    readonly channel: SandboxChannel;
    readonly runner: CommandRunner;
    readonly config: BackendConfig;
    readonly program: LoadingProgram;
    readonly greeted: Promise<FirstAnswer>;
    /** Absolute. */
    readonly workDir: Promise<string>;
    /** The working directory, in which it starts. */
    readonly cloned: Promise<void>;
  },
  configuredWorkDir: string,
  signal: AbortSignal,
): Promise<RunningAgent> {
  const { transport, channel, runner, config, cloned } = options;
  const first = await options.greeted;
  const workDir = await options.workDir;
  const program = await options.program.loaded;
  const { context } = runner;
  const agent = new SandboxAgent({
    transport,
    channel,
    context,
    processes: new SandboxProcesses(context, (_operation, run) => run()),
    env: lateEnvironment(configuredWorkDir, workDir),
  });
  const plan = planAgent(config.agent ?? {}, program, workDir);
  const secretNames = Object.keys(config.secrets ?? {});
  return agent.ensure({ first, plan, program, secretNames, ready: cloned }, signal);
}
