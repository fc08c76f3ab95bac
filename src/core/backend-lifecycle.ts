import type { AgentAddress } from "../contract/agent.ts";
import type { BackendRef, ReconnectOptions, SetupOptions } from "../contract/backend.ts";
import type { CallOptions } from "../contract/call-options.ts";
import { AbortError, SandboxStateError } from "../contract/lifecycle-errors.ts";
import type { SetupEvent } from "../contract/setup-events.ts";
import type { Status } from "../contract/status.ts";
import { BackendAgent } from "./agent/backend-agent.ts";
import { annotateError } from "./annotate-error.ts";
import { type Attachment, attachTo } from "./attachment.ts";
import type { BackendParts } from "./backend-parts.ts";
import { badArgument, checkCallOptions } from "./check-arguments.ts";
import { completeIdle } from "./config/shared-config.ts";
import { Deadline } from "./deadline.ts";
import { untilAborted } from "./delay.ts";
import { GuardedChannel } from "./guarded-channel.ts";
import { checkReconnectOptions, checkSetupOptions } from "./lifecycle/check-lifecycle-arguments.ts";
import { ensureRunning } from "./lifecycle/ensure-running.ts";
import { findById, findTwice, sandboxNotFound } from "./lifecycle/find-sandbox.ts";
import { stopSandbox } from "./lifecycle/stop-sandbox.ts";
import { tearDown } from "./lifecycle/tear-down.ts";
import { redactEvents } from "./redact-events.ts";
import { readIdentity } from "./sandbox-identity.ts";
import { greetWithSecrets } from "./secrets/place-secrets.ts";
import type { FirstAnswer, SandboxFacts } from "./setup/prove-answer.ts";
import { prepareSetup } from "./setup/setup-request.ts";
import { setupSandbox } from "./setup/setup-sandbox.ts";
import type { SandboxRecord, Transport } from "./transport.ts";

const statusTimeoutMs = 30_000;
const changeTimeoutMs = 120_000;
const setupTimeoutMs = 600_000;
const archivedTimeoutMs = 1_800_000;
/** Disposal tidies up as far as it can be done quickly; what stays is collected later. */
const disposeTimeoutMs = 5_000;

/** Setup, reconnect, start, stop, status and teardown: the part of a backend that decides which sandbox it is bound to. */
export abstract class BackendLifecycle {
  readonly type: string;
  protected readonly transport: Transport;
  protected readonly backendAgent: BackendAgent;
  readonly #parts: BackendParts;
  #workDir: string;
  #attachment: Attachment | undefined;
  #isTornDown = false;
  #setup: { readonly controller: AbortController; readonly done: Promise<void> } | undefined;

  constructor(parts: BackendParts) {
    this.type = parts.type;
    this.transport = parts.transport;
    this.backendAgent = new BackendAgent(parts.transport, (operation, run) =>
      this.guard(operation, run),
    );
    this.#parts = parts;
    this.#workDir = parts.config.workDir ?? parts.defaultWorkDir;
  }

  get sandboxId(): string | undefined {
    return this.#attachment?.sandboxId;
  }

  /** What the sandbox said about itself; undefined before `setup` or `reconnect`. */
  protected get sandboxFacts(): SandboxFacts | undefined {
    return this.#attachment?.facts;
  }

  get workDir(): string {
    return this.#workDir;
  }

  get agent(): AgentAddress | undefined {
    return this.backendAgent.address;
  }

  get ref(): BackendRef | undefined {
    if (this.#attachment === undefined) return undefined;
    const { sandboxId, name } = this.#attachment;
    const { organizationId } = this.#parts;
    return { version: 1, type: this.type, sandboxId, workDir: this.#workDir, name, organizationId };
  }

  async setup(options?: SetupOptions): Promise<void> {
    await this.guard("setup", async () => {
      const { signal, timeoutMs, onEvent } = checkSetupOptions(options);
      const boundMs = timeoutMs ?? this.#parts.config.setupTimeoutMs ?? setupTimeoutMs;
      if (this.#attachment !== undefined || this.#setup !== undefined) throw this.#alreadyBound();
      const controller = new AbortController();
      const both =
        signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
      const run = this.#runSetup(boundMs, both, onEvent);
      this.#setup = {
        controller,
        done: run.then(
          () => undefined,
          () => undefined,
        ),
      };
      try {
        await run;
      } finally {
        this.#setup = undefined;
      }
    });
  }

  async #runSetup(
    timeoutMs: number,
    signal: AbortSignal,
    onEvent: ((event: SetupEvent) => void) | undefined,
  ): Promise<void> {
    using deadline = Deadline.start("setup", timeoutMs, signal);
    deadline.throwIfEnded();
    const { config, source, defaultWorkDir, redactor, isFromSnapshot } = this.#parts;
    const workDir = config.workDir ?? defaultWorkDir;
    const request = prepareSetup({ ...config, workDir }, source, isFromSnapshot);
    const report = redactEvents(onEvent, redactor);
    const ready = await setupSandbox(this.transport, request, deadline, report);
    const { record, facts, agent } = ready;
    this.#bind(this.#attachmentOf(record, request.identity.workDir, facts));
    this.backendAgent.found(record.id, agent);
  }

  async reconnect(sandboxId: string, options?: ReconnectOptions): Promise<void> {
    await this.guard("reconnect", async () => {
      const { signal, timeoutMs, start, agent } = checkReconnectOptions(options);
      if (typeof sandboxId !== "string" || sandboxId === "") {
        throw badArgument("sandboxId", "the ID of a sandbox");
      }
      if (this.#attachment !== undefined || this.#setup !== undefined) throw this.#alreadyBound();
      using looking = Deadline.start("reconnect", timeoutMs ?? changeTimeoutMs, signal);
      looking.throwIfEnded();
      const found = await findById(this.transport, sandboxId, looking);
      const isArchived = found.state === "archived";
      const boundMs = timeoutMs ?? (isArchived ? archivedTimeoutMs : changeTimeoutMs);
      using deadline = Deadline.start("reconnect", boundMs, signal);
      const record = await ensureRunning(this.transport, sandboxId, {
        operation: "reconnect",
        signal: deadline.signal,
        start: start !== "never",
      });
      const channel = new GuardedChannel(this.transport, sandboxId);
      const first = await this.#greet(channel, sandboxId, deadline.signal);
      const { config, defaultWorkDir } = this.#parts;
      const identity = readIdentity(record.labels);
      const workDir = config.workDir ?? identity?.workDir ?? defaultWorkDir;
      const attachment = this.#attachmentOf(record, workDir, first);
      if (agent !== "leave") {
        const port = identity?.agentPort;
        await this.backendAgent.wake(attachment, first, config.agent, port, deadline.signal);
      }
      this.#bind(attachment);
    });
  }

  async start(options?: CallOptions): Promise<void> {
    await this.bounded("start", options, changeTimeoutMs, async (deadline) => {
      const attachment = this.attachment("start");
      const { sandboxId, channel } = attachment;
      await ensureRunning(this.transport, sandboxId, {
        operation: "start",
        signal: deadline.signal,
        start: true,
      });
      const first = await this.#greet(channel, sandboxId, deadline.signal);
      const port = this.agent?.port;
      await this.backendAgent.wake(attachment, first, undefined, port, deadline.signal);
    });
  }

  async stop(options?: CallOptions): Promise<void> {
    await this.bounded("stop", options, changeTimeoutMs, async (deadline) => {
      const { sandboxId } = this.attachment("stop");
      await stopSandbox(this.transport, sandboxId, { operation: "stop", signal: deadline.signal });
    });
  }

  async status(options?: CallOptions): Promise<Status> {
    return this.bounded("status", options, statusTimeoutMs, async (deadline) => {
      const id = this.sandboxId;
      if (id === undefined) {
        return { state: "none", id, message: undefined, providerState: undefined };
      }
      const record = await findTwice(this.transport, id, deadline);
      if (record === undefined) {
        return { state: "deleted", id, message: undefined, providerState: undefined };
      }
      const { state, message, providerState } = record;
      return { state, id, message, providerState };
    });
  }

  async teardown(options?: CallOptions): Promise<void> {
    await this.guard("teardown", async () => {
      const { signal, timeoutMs } = checkCallOptions("teardown", options);
      using deadline = Deadline.start("teardown", timeoutMs ?? changeTimeoutMs, signal);
      deadline.throwIfEnded();
      if (this.#setup !== undefined) {
        // The setup takes back what it has made; what it could not is in its own error.
        this.#setup.controller.abort(new Error("teardown was called"));
        await untilAborted(this.#setup.done, deadline.signal);
      }
      if (this.#attachment === undefined) return;
      await tearDown(this.transport, this.#attachment, deadline);
      this.#isTornDown = true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#setup?.controller.abort(new Error("the backend was disposed of"));
    await this.#setup?.done;
    this.#attachment?.processes.detachAll(
      new AbortError("The backend was disposed of. The process goes on in the sandbox.", {
        operation: "dispose",
        sandboxId: this.sandboxId,
      }),
    );
    if (this.#attachment !== undefined && !this.#isTornDown) {
      using deadline = Deadline.start("dispose", disposeTimeoutMs);
      // Records that cannot be removed now are removed by a later client, so a failure is none.
      await this.#attachment.commands.dispose(deadline.signal).catch(() => undefined);
    }
    await this.transport.close();
  }

  /** What works inside the sandbox. Throws before `setup` and after `teardown`. */
  protected attachment(operation: string): Attachment {
    if (this.#attachment === undefined) {
      throw new SandboxStateError(
        `${operation} needs a sandbox, and this backend has none yet. Call setup() or reconnect() first.`,
        { operation },
      );
    }
    if (this.#isTornDown) throw sandboxNotFound(this.#attachment.sandboxId, operation);
    return this.#attachment;
  }

  /** Runs an operation under the caller's options: checked, bounded, and with errors that say what was called. */
  protected bounded<Value>(
    operation: string,
    options: CallOptions | undefined,
    defaultTimeoutMs: number,
    run: (deadline: Deadline) => Promise<Value>,
  ): Promise<Value> {
    return this.guard(operation, async () => {
      const { signal, timeoutMs } = checkCallOptions(operation, options);
      using deadline = Deadline.start(operation, timeoutMs ?? defaultTimeoutMs, signal);
      deadline.throwIfEnded();
      return await run(deadline);
    });
  }

  protected async guard<Value>(operation: string, run: () => Promise<Value>): Promise<Value> {
    try {
      return await run();
    } catch (error) {
      throw annotateError(error, operation, this.sandboxId, this.#parts.redactor);
    }
  }

  #greet(channel: GuardedChannel, sandboxId: string, signal: AbortSignal): Promise<FirstAnswer> {
    return greetWithSecrets(this.transport, channel, sandboxId, this.#parts.config.secrets, signal);
  }

  #attachmentOf(record: SandboxRecord, workDir: string, facts: SandboxFacts): Attachment {
    const { autoStopMinutes } = completeIdle(this.#parts.config.idle);
    return attachTo(this.transport, record, workDir, facts, {
      guard: (operation, run) => this.guard(operation, run),
      // 0 means never.
      idleMs: autoStopMinutes === 0 ? Number.POSITIVE_INFINITY : autoStopMinutes * 60_000,
    });
  }

  #bind(attachment: Attachment): void {
    this.#attachment = attachment;
    this.#workDir = attachment.workDir;
    this.#isTornDown = false;
  }

  #alreadyBound(): SandboxStateError {
    return new SandboxStateError(
      `This backend is bound to sandbox ${this.sandboxId ?? "(being set up)"} already. Make another backend for another sandbox.`,
      { sandboxId: this.sandboxId },
    );
  }
}
