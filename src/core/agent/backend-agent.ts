import type { AgentAddress } from "../../contract/agent.ts";
import type { BackendConfig } from "../../contract/config.ts";
import { SandboxStateError } from "../../contract/lifecycle-errors.ts";
import type { PreviewAddress } from "../../contract/preview.ts";
import type { Attachment } from "../attachment.ts";
import { SandboxPreview } from "../preview/sandbox-preview.ts";
import type { Guard } from "../processes/guard.ts";
import { retryIdempotent } from "../retry.ts";
import type { FirstAnswer } from "../setup/prove-answer.ts";
import type { Transport } from "../transport.ts";
import { planAgent, readAgentRecord } from "./agent-plan.ts";
import { loadAgentProgram } from "./agent-program.ts";
import { agentAddressTtlMs, SandboxAgent } from "./sandbox-agent.ts";

/** What a backend knows of the agent in its sandbox. */
export class BackendAgent {
  readonly #transport: Transport;
  readonly #guard: Guard;
  #address: AgentAddress | undefined;

  constructor(transport: Transport, guard: Guard) {
    this.#transport = transport;
    this.#guard = guard;
  }

  get address(): AgentAddress | undefined {
    return this.#address;
  }

  /** After a setup, which has proven that it answers. */
  found(sandboxId: string, address: PreviewAddress | undefined): void {
    this.#address = address === undefined ? undefined : this.#open(sandboxId, address);
  }

  /**
   * Starts the sandbox's agent again if it has ended, and proves that it answers. Without an agent there is no request.
   *
   * @param wanted - Agent of the config. Undefined: the one that the sandbox itself knows.
   * @param port - What the sandbox's label says.
   */
  async wake(
    attachment: Attachment,
    first: FirstAnswer,
    wanted: BackendConfig["agent"],
    port: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const stored = readAgentRecord(first.agentFile);
    if (wanted === undefined && stored === undefined) {
      // The host that makes it may not have come to its agent yet; where that will be is known.
      if (port !== undefined) this.#address = await this.#ask(attachment.sandboxId, port, signal);
      return;
    }
    const { channel, commands, processes, env, workDir } = attachment;
    const program = await loadAgentProgram(wanted?.source, signal);
    const agent = new SandboxAgent({
      transport: this.#transport,
      channel,
      context: commands.context,
      processes,
      env,
    });
    const running = await agent.ensure(
      {
        first,
        plan: wanted === undefined ? undefined : planAgent(wanted, program, workDir),
        program,
        secretNames: [...new Set([...(stored?.secretNames ?? []), ...first.secrets.names])],
      },
      signal,
    );
    await running.confirm(signal);
    this.found(attachment.sandboxId, running.address);
  }

  /** The address, valid for at least so long. */
  async valid(sandboxId: string, minTtlMs: number, signal: AbortSignal): Promise<AgentAddress> {
    if (this.#address === undefined) {
      throw new SandboxStateError(
        "This sandbox has no agent. Give `agent` in the config of the backend that sets it up.",
        { sandboxId },
      );
    }
    const { expiresAt, port } = this.#address;
    if (expiresAt === undefined || expiresAt.getTime() - Date.now() >= minTtlMs) {
      return this.#address;
    }
    this.#address = await this.#ask(sandboxId, port, signal);
    return this.#address;
  }

  async #ask(sandboxId: string, port: number, signal: AbortSignal): Promise<AgentAddress> {
    const address = await retryIdempotent(
      () => this.#transport.getPreviewUrl(sandboxId, port, agentAddressTtlMs, { signal }),
      signal,
    );
    return this.#open(sandboxId, address);
  }

  #open(sandboxId: string, address: PreviewAddress): AgentAddress {
    const parts = {
      transport: this.#transport,
      sandboxId,
      port: address.port,
      minTtlMs: agentAddressTtlMs,
      guard: this.#guard,
    };
    return new SandboxPreview(parts, address);
  }
}
