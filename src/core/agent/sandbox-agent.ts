import { AgentError } from "../../contract/agent-errors.ts";
import type { PreviewAddress } from "../../contract/preview.ts";
import type { CommandContext } from "../commands/command-context.ts";
import { defaultMaxLogBytes } from "../commands/command-request.ts";
import { Deadline } from "../deadline.ts";
import type { FoundRecord, SandboxProcesses } from "../processes/sandbox-processes.ts";
import { retryIdempotent } from "../retry.ts";
import { createNonce } from "../sandbox-identity.ts";
import type { FirstAnswer } from "../setup/prove-answer.ts";
import type { SandboxChannel, Transport } from "../transport.ts";
import { agentCommand, agentProgramPath } from "./agent-command.ts";
import { explainEnd, isOver, lastLines } from "./agent-end.ts";
import {
  type AgentPlan,
  type AgentRecord,
  agentProcessId,
  isSamePlan,
  readAgentRecord,
} from "./agent-plan.ts";
import type { AgentProgram } from "./agent-program.ts";
import { askUntilReady } from "./ask-agent.ts";
import { endOldAgent } from "./end-old-agent.ts";

/** The longest that Daytona signs an address for; a backend that lives longer renews it. */
export const agentAddressTtlMs = 86_400_000;

/** The start does not wait for what becomes of the agent: it is asked next, and its end is watched for if it is not ready then. */
const firstAnswerSeconds = 0;
const startTimeoutMs = 60_000;
/** Several hosts may start agents that end at once; each has a try of its own. */
const mostTries = 10;

export interface SandboxAgentParts {
  readonly transport: Transport;
  readonly channel: SandboxChannel;
  readonly context: CommandContext;
  readonly processes: SandboxProcesses;
  /** Environment of every command that was not known when the sandbox was created. */
  readonly env: Readonly<Record<string, string>>;
}

export interface EnsureAgentOptions {
  readonly first: FirstAnswer;
  /** What the config wants; undefined: what the sandbox itself says. */
  readonly plan: AgentPlan | undefined;
  readonly program: AgentProgram | undefined;
  /** Names of the secrets that must be there when it is started. */
  readonly secretNames: readonly string[];
  /** What must be done before it starts, beside which its program is uploaded. */
  readonly ready?: Promise<void> | undefined;
}

/** An agent that answers. */
export interface RunningAgent {
  readonly address: PreviewAddress;
  /** Fails when something else than the agent has answered at its port. */
  confirm(signal: AbortSignal): Promise<void>;
}

/** Sees to it that the agent of one sandbox runs and answers through its preview address. */
export class SandboxAgent {
  readonly #parts: SandboxAgentParts;

  constructor(parts: SandboxAgentParts) {
    this.#parts = parts;
  }

  async ensure(options: EnsureAgentOptions, signal: AbortSignal): Promise<RunningAgent> {
    const { first, program } = options;
    const stored = readAgentRecord(first.agentFile);
    const plan = options.plan ?? stored?.plan;
    if (plan === undefined) throw this.#missing("The sandbox does not say what its agent is.");
    const { folder } = first;
    if (folder === undefined)
      throw this.#missing("No private folder could be made in the sandbox.");
    const [address, uploaded] = await Promise.all([
      this.#address(plan.port, signal),
      this.#upload(folder, program, first.agentPrograms, signal),
      options.ready,
    ]);
    const isSame = stored !== undefined && isSamePlan(stored.plan, plan);
    const running = isSame ? await this.#running(stored, signal) : undefined;
    if (running !== undefined) return this.#await(running, plan, address, signal);
    this.#checkBeforeStart(plan, uploaded, options);
    if (stored !== undefined && !isSame) {
      await endOldAgent(this.#parts, stored.processId, signal);
    }
    const attempt = stored === undefined ? 0 : stored.attempt + 1;
    const begun = await this.#start(folder, plan, attempt, uploaded, options.secretNames, signal);
    return this.#await(begun, plan, address, signal);
  }

  async #address(port: number, signal: AbortSignal): Promise<PreviewAddress> {
    const { transport, context } = this.#parts;
    return retryIdempotent(
      () => transport.getPreviewUrl(context.sandboxId, port, agentAddressTtlMs, { signal }),
      signal,
    );
  }

  /** The path that the program was uploaded to; undefined when it is in its place already. */
  async #upload(
    folder: string,
    program: AgentProgram | undefined,
    known: readonly string[],
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (program === undefined || known.includes(program.hash)) return undefined;
    const path = `${agentProgramPath(folder, program.hash)}.new-${createNonce()}`;
    const files = [{ path, content: program.bytes }];
    await retryIdempotent(() => this.#parts.channel.upload(files, { signal }), signal);
    return path;
  }

  async #running(stored: AgentRecord, signal: AbortSignal): Promise<FoundRecord | undefined> {
    const found = await this.#parts.processes
      .find(stored.processId, signal)
      .catch((error: unknown) => {
        if ((error as { code?: unknown }).code === "PROCESS_NOT_FOUND") return undefined;
        throw error;
      });
    return found === undefined || isOver(found) ? undefined : found;
  }

  #checkBeforeStart(
    plan: AgentPlan,
    uploaded: string | undefined,
    { first, secretNames }: EnsureAgentOptions,
  ): void {
    const isThere =
      plan.program === undefined ||
      uploaded !== undefined ||
      first.agentPrograms.includes(plan.program.hash);
    if (!isThere) {
      throw this.#missing(
        "The agent must be started again, and its program is no longer in the sandbox. Give `agent` with its `source` in the config.",
      );
    }
    const missing = secretNames.filter((name) => !first.secrets.names.includes(name));
    if (missing.length > 0) {
      throw new AgentError(
        `The agent must be started again, and secrets that it was started with are gone, as they are after a stop: ${missing.join(", ")}. Give them in the config's \`secrets\`.`,
        { reason: "secrets-missing", missingSecrets: missing },
      );
    }
  }

  async #start(
    folder: string,
    plan: AgentPlan,
    firstAttempt: number,
    uploaded: string | undefined,
    secretNames: readonly string[],
    signal: AbortSignal,
  ): Promise<FoundRecord> {
    const { context, processes, env, channel } = this.#parts;
    for (let attempt = firstAttempt; ; attempt++) {
      const processId = agentProcessId(context.sandboxId, plan, attempt);
      const record: AgentRecord = {
        version: 1,
        plan,
        processId,
        attempt,
        secretNames: [...secretNames],
      };
      const found = await processes.start(
        {
          kind: "spawn",
          command: agentCommand(folder, record, uploaded),
          cwd: plan.cwd,
          env: { ...env, ...plan.env },
          timeoutMs: startTimeoutMs,
          firstAnswerSeconds,
          maxOutputBytes: 0,
          maxLogBytes: defaultMaxLogBytes,
        },
        processId,
        signal,
      );
      // Another host's, which has ended: this call has a try of its own.
      if (!found.startedHere && isOver(found) && attempt - firstAttempt + 1 < mostTries) continue;
      if (!found.startedHere && uploaded !== undefined) {
        await channel.runScript(`rm -f '${uploaded}'\n`, { signal }).catch(() => undefined);
      }
      return found;
    }
  }

  async #await(
    found: FoundRecord,
    plan: AgentPlan,
    address: PreviewAddress,
    signal: AbortSignal,
  ): Promise<RunningAgent> {
    const { context, processes } = this.#parts;
    const observer = processes.observe(found);
    const watching = new AbortController();
    const ended = new AbortController();
    const watch = (): AbortSignal => {
      observer.ended(AbortSignal.any([signal, watching.signal])).then(
        () => ended.abort(),
        () => ended.abort(),
      );
      return ended.signal;
    };
    using patience = Deadline.start("agent", plan.health.timeoutMs, signal);
    try {
      if (isOver(found)) throw await explainEnd(context, observer, undefined, signal);
      const answer = await askUntilReady(address, plan.health.path, patience.signal, watch).catch(
        async (error: unknown) => {
          if (signal.aborted || !patience.ended) throw error;
          const log = await lastLines(context, observer, signal);
          if (found.startedHere) await endOldAgent(this.#parts, found.processId, signal);
          throw new AgentError(
            `The agent did not answer on port ${plan.port} at ${plan.health.path} within ${plan.health.timeoutMs} ms.${said(log)}`,
            { reason: "no-answer", log, retryable: true },
          );
        },
      );
      if (answer !== undefined) throw await explainEnd(context, observer, answer, signal);
    } finally {
      watching.abort(new Error("the agent is no longer waited for"));
      observer.detach(new Error("the agent is no longer waited for"));
    }
    return {
      address,
      confirm: async (confirmSignal) => {
        const now = await processes.find(found.processId, confirmSignal);
        if (!isOver(now)) return;
        const seen = processes.observe(now);
        try {
          throw await explainEnd(
            context,
            seen,
            `another program on port ${plan.port}`,
            confirmSignal,
          );
        } finally {
          seen.detach(new Error("the agent is no longer looked at"));
        }
      },
    };
  }

  #missing(message: string): AgentError {
    return new AgentError(message, { reason: "program-missing" });
  }
}

function said(log: string): string {
  return log === "" ? " It wrote nothing." : ` The last that it wrote:\n${log}`;
}
